# The edge agent: `loa agent`. Build from the repository's root:
#   docker build -f docker/agent.Dockerfile -t loa-agent .
# It installs the same hashed lock as the controller, so that both sides are tested with one set of versions.
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
# PortAudio for a sound card given with --device /dev/snd; the file output works without.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libportaudio2 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --groups audio,video --home-dir /var/lib/loa --create-home loa \
    && mkdir -p /etc/loa && chown loa /etc/loa
COPY --from=build /opt/loa /opt/loa
COPY docker/agent_health.py /opt/loa/agent_health.py
ENV PATH=/opt/loa/bin:$PATH PYTHONUNBUFFERED=1
USER loa
WORKDIR /var/lib/loa
VOLUME /var/lib/loa
# The agent has no listening port, and without a network it plays on: it is well while its event loop turns.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["python", "/opt/loa/agent_health.py", "1"]
ENTRYPOINT ["loa"]
CMD ["agent", "--config", "/etc/loa/agent.yaml"]
