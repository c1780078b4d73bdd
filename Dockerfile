# One image for web, worker and beat: docker-compose.yml says which command it runs.

FROM python:3.12-slim-bookworm AS build
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
COPY requirements.lock ./
RUN python -m venv /opt/venv \
    && pip install --require-hashes -r requirements.lock
COPY . ./
# No database and no secret is needed to make static files.
RUN POSTURE_IGNORE_ENV_FILES=1 python manage.py build_assets \
    && POSTURE_IGNORE_ENV_FILES=1 python manage.py collectstatic --noinput --verbosity 0 \
    && python -m compileall -q /app

FROM python:3.12-slim-bookworm
# The code belongs to root and so cannot be changed by the process that runs it.
RUN groupadd --system --gid 10001 parapet \
    && useradd --system --uid 10001 --gid parapet --no-create-home --home-dir /nonexistent parapet \
    && install --directory --owner=parapet --group=parapet /app/var
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
# Settings come from the environment alone.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    POSTURE_IGNORE_ENV_FILES=1 \
    POSTURE_BIND=0.0.0.0 \
    POSTURE_PORT=8000
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=6s --start-period=30s --retries=4 \
    CMD ["python", "-m", "deploy.healthcheck", "web"]
CMD ["gunicorn", "--config", "deploy/gunicorn_conf.py", "posture.wsgi"]
