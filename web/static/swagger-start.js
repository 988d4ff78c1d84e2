// Starts Swagger UI; in a file of its own, since the page's policy allows no script in line.
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, tryItOutEnabled: true });
