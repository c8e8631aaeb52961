# The controller: `loa serve`. Build from the repository's root:
#   docker build -f docker/controller.Dockerfile -t loa-controller .
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/loa
COPY requirements.lock ./
RUN /opt/loa/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY loa_protocol/ loa_protocol/
COPY controller/ controller/
COPY edge_agent/ edge_agent/
COPY loa_cli/ loa_cli/
COPY firmware_configs/ firmware_configs/
COPY schedules/ schedules/
RUN /opt/loa/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /dist . \
    && /opt/loa/bin/pip install --no-cache-dir --no-deps /dist/loa-*.whl

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/loa --create-home loa \
    && mkdir -p /etc/loa && chown loa /etc/loa
COPY --from=build /opt/loa /opt/loa
ENV PATH=/opt/loa/bin:$PATH PYTHONUNBUFFERED=1
USER loa
WORKDIR /var/lib/loa
VOLUME /var/lib/loa
# The API listens on loopback only until accounts exist; see docker/README.md for how to reach it.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/api/v1/health', timeout=4)"]
ENTRYPOINT ["loa"]
CMD ["serve", "--data-dir", "/var/lib/loa"]
