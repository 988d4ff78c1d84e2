"""`make image`: do what the Dockerfile says where there is no container engine, and run what comes of it.

Each stage is a root of its own, laid over this machine's by overlayfs in a mount namespace of its own, so that nothing
of it stays. The machine's Python stands in for the base image. What was built is then run as the image's user from a
root that can't be written: release, web by CMD, a worker by the Procfile's line, the health checks of both; a job must
succeed.

Needs root on Linux; says so otherwise and ends with 77, as tests that can't be run do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from local import ports, procfile
from local.postgres import Postgres
from local.valkey import Valkey
from scripts.dockerfile import Instruction, ignored_anywhere, instructions, let_in

PROJECT = Path(__file__).parent.parent
CANNOT = 77
_INSIDE = "--inside"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# How pip finds its registry is this machine's affair, as an engine's build arguments are.
_OF_THE_MACHINE = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name == "LANG"}
_WAIT = 60.0
# As compose and Kubernetes ask; a test holds them to it.
WORKERS_HEALTH = ["python", "-m", "workers.pulse"]


@dataclass
class Stage:
    """One FROM: its root, what was written into it, and what the image says of running it."""

    root: Path
    written: Path
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": _PATH})
    folder: str = "/"
    user: str = "0"
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def inside(self, path: str) -> Path:
        return self.root / (Path(self.folder) / path).relative_to("/")

    def start(
        self, arguments: list[str], settings: dict[str, str], *, quietly: bool = False
    ) -> subprocess.Popen[bytes]:
        enter = ["chroot", f"--userspec={self.user}:{self.user}", str(self.root)]
        go = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', self.folder]
        environment = {"HOME": "/root" if self.user == "0" else "/", **self.environment, **settings}
        shown = subprocess.DEVNULL if quietly else None
        return subprocess.Popen([*enter, *go, *arguments], env=environment, stdout=shown, stderr=shown)  # noqa: S603

    def run(self, arguments: list[str], settings: dict[str, str]) -> None:
        process = self.start(arguments, settings)
        if process.wait() != 0:
            raise SystemExit(f"This step ended with {process.returncode}: {' '.join(arguments)}")


def build(project: Path, scratch: Path) -> Stage:
    """Follow the Dockerfile; the last stage."""
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for step in instructions((project / "Dockerfile").read_text()):
        _say(f"{step.word} {step.rest}")
        if step.word == "FROM":
            stage = _laid_over_this_machine(scratch / f"stage-{len(stages)}")
            stages[step.words[-1] if " AS " in step.rest else f"stage-{len(stages)}"] = stage
        elif stage is None:
            raise SystemExit("The Dockerfile doesn't begin with FROM.")
        else:
            _follow(step, stage, stages, project)
    if stage is None:
        raise SystemExit("The Dockerfile is empty.")
    return stage


def _follow(step: Instruction, stage: Stage, stages: dict[str, Stage], project: Path) -> None:
    match step.word:
        case "WORKDIR":
            stage.folder = str(Path(stage.folder) / step.rest)
            stage.inside(".").mkdir(parents=True, exist_ok=True)
        case "RUN":
            stage.run(step.arguments, _OF_THE_MACHINE)
        case "COPY":
            _copy(step, stage, stages, project)
        case "ENV":
            for word in step.words:
                name, _, value = word.partition("=")
                stage.environment[name] = value.replace("$PATH", stage.environment["PATH"])
        case "USER":
            stage.user = step.rest
        case "CMD":
            stage.command = step.arguments
        case "HEALTHCHECK":
            stage.health = Instruction("CMD", {}, step.rest.removeprefix("CMD").strip()).arguments
        case "EXPOSE" | "LABEL":
            pass
        case _:
            raise SystemExit(f"This script doesn't know what {step.word} does.")


def _copy(step: Instruction, stage: Stage, stages: dict[str, Stage], project: Path) -> None:
    *sources, target = step.words
    for source in sources:
        other = stages.get(step.flags.get("from", ""))
        if other is None and not let_in(project, source):
            raise SystemExit(f"COPY {source}: .dockerignore keeps it out.")
        origin = other.root / source.lstrip("/") if other else project / source
        place = stage.inside(target)
        if origin.is_dir():
            left_out = None if other else shutil.ignore_patterns(*ignored_anywhere(project))
            shutil.copytree(origin, place, symlinks=True, dirs_exist_ok=True, ignore=left_out)
        else:
            shutil.copy2(origin, place / origin.name if target.endswith((".", "/")) else place)


def _laid_over_this_machine(folder: Path) -> Stage:
    written, work, root = (folder / name for name in ("written", "work", "root"))
    for part in (written, work, root):
        part.mkdir(parents=True)
    _mount("-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={written},workdir={work}", str(root))
    for name in ("dev", "proc"):
        _mount("--rbind", f"/{name}", str(root / name))
    # Engines put these into place too.
    for name in ("etc/resolv.conf", "etc/hosts"):
        with suppress(OSError):
            shutil.copyfile(f"/{name}", root / name)
    _with_python(root)
    return Stage(root, written)


def _with_python(root: Path) -> None:
    """Put this machine's Python where the base image has its own, for everybody to run."""
    prefix, version = Path(sys.base_prefix), f"python{sys.version_info.major}.{sys.version_info.minor}"
    for parent in [prefix, *prefix.parents[:-1]]:
        inside = root / parent.relative_to("/")
        inside.chmod(inside.stat().st_mode | 0o011)
    place = root / "usr/local"
    if place == root / prefix.relative_to("/"):
        return
    for name in (f"bin/{version}", *(f"lib/{path.name}" for path in (prefix / "lib").glob("libpython*"))):
        (place / name).unlink(missing_ok=True)
        shutil.copy2(prefix / name, place / name)
    for link, target in ((f"lib/{version}", prefix / f"lib/{version}"), ("bin/python", Path(version))):
        if (place / link).is_dir():
            shutil.rmtree(place / link)
        (place / link).unlink(missing_ok=True)
        (place / link).symlink_to(target)


def try_out(stage: Stage, scratch: Path) -> None:
    """Run release, web and worker as the image's user from a root that nobody can write, and do one job."""
    _mount("-o", "remount,ro", str(stage.root))
    _mount("-t", "tmpfs", "tmpfs", str(stage.root / "tmp"), "-o", "mode=1777")
    with ExitStack() as stack:
        postgres, valkey = Postgres(scratch / "postgres", durable=False), Valkey(scratch / "valkey")
        stack.callback(valkey.stop)
        stack.callback(postgres.stop)
        services = {"DATABASE_URL": postgres.start(), "REDIS_URL": valkey.start()}
        # Beyond loopback the program wants a key; only loopback is open to others here.
        settings = {**services, "HOST": "127.0.0.1", "PORT": str(ports.pick()), "API_KEYS": "image:admin:" + "k" * 32}
        commands = procfile.read(PROJECT / "Procfile")
        stage.run(["/bin/sh", "-c", commands["release"]], settings)
        web = stack.enter_context(_running(stage, stage.command, settings))
        worker = stack.enter_context(_running(stage, ["/bin/sh", "-c", f"exec env {commands['worker']}"], settings))
        _until_healthy(stage, web, settings)
        answer = _ingest(settings)
        _say(answer)
        if '"status":"success"' not in answer.replace(" ", ""):
            raise SystemExit("The job did not succeed.")
        if worker.poll() is not None:
            raise SystemExit("The worker ended by itself.")
        stage.run(WORKERS_HEALTH, settings)


def _ingest(settings: dict[str, str]) -> str:
    request = urllib.request.Request(
        f"http://127.0.0.1:{settings['PORT']}/api/v1/ingest/csv",
        method="POST",
        headers={"X-API-Key": "k" * 32, "Prefer": "wait=30"},
    )
    with urllib.request.urlopen(request, timeout=_WAIT) as answer:  # noqa: S310
        return str(answer.read().decode())


@contextmanager
def _running(stage: Stage, arguments: list[str], settings: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = stage.start(arguments, settings)
    try:
        yield process
        process.terminate()
        if (code := process.wait(_WAIT)) != 0:
            raise SystemExit(f"After SIGTERM it ended with {code}: {' '.join(arguments)}")
    finally:
        process.kill()
        process.wait()


def _until_healthy(stage: Stage, web: subprocess.Popen[bytes], settings: dict[str, str]) -> None:
    deadline = time.monotonic() + _WAIT
    while stage.start(stage.health, settings, quietly=True).wait() != 0:
        if web.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("Web did not become healthy.")
        time.sleep(0.2)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)  # noqa: S603, S607


def _say(line: str) -> None:
    sys.stdout.write(f"=> {line}\n")
    sys.stdout.flush()


def _inside() -> None:
    scratch = Path(tempfile.mkdtemp(prefix="crypto-quotes-image-"))
    scratch.chmod(0o711)
    try:
        # overlayfs can't write into an overlay, which a machine's root may be.
        _mount("-t", "tmpfs", "tmpfs", str(scratch), "-o", "mode=711")
        stage = build(PROJECT, scratch)
        strange = {path.name for path in stage.written.iterdir()} - {"app", "venv", "etc", "root", "usr", "var"}
        if strange or list(stage.inside("/app").rglob("__pycache__")):
            raise SystemExit(f"The last stage holds what it should not: {sorted(strange) or '__pycache__'}.")
        try_out(stage, scratch)
    finally:
        subprocess.run(["umount", "--recursive", "--lazy", str(scratch)], check=False)  # noqa: S603, S607
        shutil.rmtree(scratch, ignore_errors=True)
    _say("Built, ran, did a job, and ended when told to.")


def main() -> None:
    if _INSIDE in sys.argv:
        _inside()
        return
    alone = ["unshare", "--mount", "--propagation", "private"]
    try:
        able = subprocess.run([*alone, "true"], check=False, capture_output=True).returncode == 0  # noqa: S603
    except OSError:
        able = False
    if not able:
        sys.stderr.write("Following the Dockerfile needs mount namespaces: Linux, and root.\n")
        sys.exit(CANNOT)
    sys.exit(subprocess.run([*alone, sys.executable, "-m", "scripts.image", _INSIDE], check=False).returncode)  # noqa: S603


if __name__ == "__main__":
    main()
