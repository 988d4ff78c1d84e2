# One image for release, web and worker; docker-compose.yml and the Procfile say which command runs.
FROM python:3.11-slim-bookworm AS builder
WORKDIR /app
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /app app
WORKDIR /app
COPY --from=builder /venv /venv
COPY cli cli
COPY core core
COPY data data
COPY db db
COPY web web
COPY workers workers
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/livez', timeout=2)"]
CMD ["gunicorn", "--config", "python:web.gunicorn_conf", "web.app:create_app()"]
