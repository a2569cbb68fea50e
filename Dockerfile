# sluiced in a container:
#   docker build --tag sluice . && docker run --publish 127.0.0.1:7070:7070 sluice --demo
# deploy/README.md says more; tests/container.sh builds and tries it.

FROM debian:bookworm-slim AS build
WORKDIR /src
# Packages first: their layer stays as long as their list does.
COPY deploy/packages/ deploy/packages/
RUN deploy/packages/install.sh build.txt
COPY . .
RUN cmake --preset release \
    && cmake --build --preset release \
    && cmake --install build/release --prefix /usr --strip

FROM debian:bookworm-slim
COPY deploy/packages/ /tmp/packages/
RUN /tmp/packages/install.sh run.txt \
    && rm -rf /tmp/packages /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log \
    && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin sluice
COPY --from=build /usr/bin/sluiced /usr/bin/sluice /usr/bin/
COPY deploy/container.toml /etc/sluice/sluiced.toml
COPY deploy/readyz.sh /usr/libexec/sluice/readyz.sh
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
EXPOSE 7070 7071
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 \
    CMD ["/usr/libexec/sluice/readyz.sh", "127.0.0.1:7071"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/sluiced", "--config", "/etc/sluice/sluiced.toml"]
