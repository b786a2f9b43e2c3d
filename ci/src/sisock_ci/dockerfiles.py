"""The Dockerfile of each service, from one text."""

import json

from sisock_ci.services import Service

UV = "0.13.8"
BASE = "python:3.11-slim-bookworm"
LISTED = ["test", "-e", "/tmp/healthy"]  # noqa: S108 (inside of the container)

_TEXT = """\
# Made by `sisock-ci make` from [tool.sisock.container]; built from the repository's root:
#   docker build -f {folder}/Dockerfile .
FROM {base} AS build
RUN python -m venv /uv && /uv/bin/pip install --no-cache-dir uv=={uv}
{build_packages}WORKDIR /src
COPY pyproject.toml uv.lock ./
{copies}
RUN UV_PROJECT_ENVIRONMENT=/app/venv UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy /uv/bin/uv sync \\
    --frozen --package {distribution} --no-dev --no-editable --compile-bytecode --no-cache{left_out}
{trimmed}
FROM {base}
RUN useradd --uid 9000 --create-home --shell /usr/sbin/nologin ocs
{packages}COPY --from=build /app/venv /app/venv
WORKDIR /app
{folders}{user}
ENV PATH=/app/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1{environment}
{ports}HEALTHCHECK --interval=5s --timeout=5s --start-period=30s CMD {health}
ENTRYPOINT ["{distribution}"]
ARG VERSION=0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="{image}" \\
      org.opencontainers.image.version="$VERSION" \\
      org.opencontainers.image.revision="$REVISION" \\
      org.opencontainers.image.source="https://github.com/simonsobs/sisock" \\
      org.opencontainers.image.licenses="BSD-2-Clause"
"""


def text(service: Service, base: str = BASE) -> str:
    """The Dockerfile of a service, on a base image."""
    own = service.container
    install = " ".join(
        ["RUN apt-get update && apt-get install -y --no-install-recommends", *own.get("packages", ())]
    )
    folders = " ".join(own.get("folders", ()))
    left_out = "".join(f" \\\n    --no-install-package {name}" for name in service.left_out)
    environment = dict(own.get("environment", {}))
    if "health" not in own:
        environment["HEALTH_FILE"] = LISTED[-1]
    return _TEXT.format(
        folder=service.folder,
        base=base,
        uv=UV,
        build_packages=f"{install}\n" if "packages" in own else "",
        packages=f"{install} && rm -rf /var/lib/apt/lists/*\n" if "packages" in own else "",
        copies="\n".join(f"COPY {folder} {folder}" for folder in (*service.libraries, service.folder)),
        distribution=service.distribution,
        left_out=left_out,
        trimmed="".join(f"RUN sh {script} /app/venv\n" for script in service.trimmed_by),
        image=service.image,
        folders=f"RUN mkdir {folders} && chown ocs:ocs {folders}\n" if folders else "",
        user=f"# {own['root']}" if "root" in own else "USER ocs",
        environment="".join(f" {name}={value}" for name, value in environment.items()),
        ports=f"EXPOSE {' '.join(map(str, own['ports']))}\n" if "ports" in own else "",
        health=json.dumps(own.get("health", LISTED)),
    )
