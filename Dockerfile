# docker build --tag boldstream .
# docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/data" boldstream run study.yaml
ARG PYTHON=3.13
FROM python:${PYTHON}-slim AS build
COPY pyproject.toml requirements.lock README.md LICENSE /source/
COPY src /source/src
COPY containers/install.sh /source/containers/install.sh
RUN /source/containers/install.sh /opt/boldstream

FROM python:${PYTHON}-slim
COPY --from=build /opt/boldstream /opt/boldstream
# A home for any --user: compiled kernels and settings of matplotlib are kept there.
RUN useradd --uid 1000 --create-home boldstream && chmod 1777 /home/boldstream
ENV HOME=/home/boldstream \
    PATH=/opt/boldstream/bin:$PATH
USER boldstream
WORKDIR /data
ENTRYPOINT ["boldstream"]
CMD ["--help"]
