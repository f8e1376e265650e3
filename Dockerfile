# docker build --tag wssgate .
#
# The configuration goes to /etc/wssgate/gateway.toml; what the gateway writes (a database in SQLite, its signing key)
# to /var/lib/wssgate. Nothing else has to be writable: run it with --read-only.
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
COPY . /sources
RUN sh /sources/container/install.sh /sources /opt/wssgate

FROM python:3.13-slim
RUN python -m pip uninstall --yes --quiet --root-user-action=ignore pip \
    && mkdir -p /etc/wssgate \
    && install -d -o 65532 -g 65532 -m 0700 /var/lib/wssgate
COPY --from=build /opt/wssgate /opt/wssgate
ENV PATH=/opt/wssgate/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
WORKDIR /var/lib/wssgate
VOLUME /var/lib/wssgate
EXPOSE 8080
STOPSIGNAL SIGTERM
# Alive, not ready: a gateway whose database is down gets well by itself, and restarting it would not help.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8081/healthz', timeout=2)"]
ENTRYPOINT ["wssgate"]
CMD ["serve", "--json", "--config", "/etc/wssgate/gateway.toml"]
