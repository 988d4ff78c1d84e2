// Sends a CSV file and tells how far it is; fetch can't do that. Answers the job, or throws a Problem.
import { Problem } from "./api.js";

const PATH = "/api/v1/ingest/csv";

export function upload(file, { columns, headers, progress }) {
  const body = new FormData();
  // Before the file: the server reads it as it comes.
  if (Object.keys(columns).length) body.append("columns", JSON.stringify(columns));
  body.append("file", file);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", PATH);
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json, application/problem+json");
    const token = document.querySelector('meta[name="csrf-token"]')?.content;
    if (token) request.setRequestHeader("X-CSRF-Token", token);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => progress(event.loaded, event.total));
    request.addEventListener("load", () => {
      if (request.status === 202) resolve(request.response);
      else reject(new Problem(request.response || { title: request.statusText, status: request.status }));
    });
    request.addEventListener("error", () => reject(new Problem({ title: "The server can't be reached.", status: 0 })));
    request.send(body);
  });
}
