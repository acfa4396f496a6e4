FROM python:3.12-slim
WORKDIR /opt/firebreak
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements.lock
COPY firebreak firebreak
COPY workflows workflows
COPY activities activities
COPY integrations integrations
COPY playbooks playbooks
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
 && useradd --system --home-dir /var/lib/firebreak firebreak \
 && install -d -o firebreak -m 0700 /var/lib/firebreak
USER firebreak
CMD ["firebreak", "worker"]
