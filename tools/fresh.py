"""Run the README's commands in a new Debian root, to find hidden dependencies on this machine.

The root is made by debootstrap with python3, git and ca-certificates only. It gets a clone of the
committed files, an empty home and an empty environment. It fetches packages as this machine does:
with its certificates, apt archives, and settings of pip, uv, npm, Maven and Go. Needs root, and
only the standard library.
"""

import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = "python3,git,ca-certificates"
#: Folder of the clone in the root, and the home.
CLONE, HOME = "/root/mappedram", "/root"
BUNDLE = Path("etc/ssl/certs/ca-certificates.crt")
#: Variables with sources of packages, and trusted certificates.
SETTINGS = re.compile(
    r"(PIP|UV|NPM_CONFIG|npm_config|GO|MAVEN)_?[A-Z_]*|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE"
    r"|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS|GIT_SSL_CAINFO|(https?|ftp|no|all)_proxy|[A-Z]+_PROXY"
)
#: Files with such settings: their places on this machine, and in the root.
FILES = (
    (("~/.config/pip/pip.conf", "~/.pip/pip.conf", "/etc/pip.conf"), "etc/pip.conf"),
    (("~/.config/uv/uv.toml", "/etc/uv/uv.toml"), "etc/uv/uv.toml"),
    (("/usr/etc/npmrc", "/etc/npmrc"), "etc/npmrc"),
    (("~/.npmrc",), "root/.npmrc"),
    (("~/.m2/settings.xml",), "root/.m2/settings.xml"),
    (("~/.config/go/env",), "root/.config/go/env"),
)
_ACQUIRE = re.compile(r"Acquire::(https?|Check-|Retries|ForceIPv|Languages)", re.IGNORECASE)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?")


def commands(readme: str) -> list[str]:
    """The first commands of the README."""
    block = re.search(r"^```sh\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    if block is None:
        raise ValueError("the README has no block of shell commands")
    return [line.partition("#")[0].strip() for line in block[1].splitlines() if line.strip()]


def sources(suite: str) -> str:
    """Archives of Debian that this machine uses, for apt in the root."""
    listed = _output(
        ["apt-get", "indextargets", "--format", "$(LABEL)\t$(REPO_URI)", "Identifier: Packages"]
    )
    archives = dict(line.split("\t") for line in reversed(listed.splitlines()))
    main = archives.get("Debian")
    if main is None:
        raise RuntimeError("apt is set up with no archive of Debian; run 'apt-get update' first")
    lines = [f"deb {main} {suite} main"]
    if suite not in ("sid", "unstable"):
        lines.append(f"deb {main} {suite}-updates main")
        if "Debian-Security" in archives:
            lines.append(f"deb {archives['Debian-Security']} {suite}-security main")
    return "\n".join(lines) + "\n"


def make(root: Path, suite: str) -> None:
    """Make a new Debian in `root` that can fetch packages as this machine does."""
    if shutil.which("debootstrap") is None:
        _run(["apt-get", "-q", "-y", "install", "--no-install-recommends", "debootstrap"])
    archive = sources(suite).split()[1]
    _run(
        [
            *("unshare", "--mount", "--pid", "--fork", "--kill-child"),  # ends its mounts, too
            *("debootstrap", "--variant=minbase", f"--include={PACKAGES}"),
            *(suite, str(root), archive),
        ]
    )
    (root / "etc/apt/sources.list").write_text(sources(suite))
    acquire = filter(_ACQUIRE.match, _output(["apt-config", "dump", "Acquire"]).splitlines())
    (root / "etc/apt/apt.conf.d/90machine").write_text("\n".join(acquire) + "\n")
    for name in ("etc/resolv.conf", "etc/hosts"):
        shutil.copy(Path("/") / name, root / name)
    for places, name in FILES:
        found = next((p for place in places if (p := Path(place).expanduser()).exists()), None)
        if found:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(found, root / name)
    _trust(root)
    _run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(root) + CLONE])


def _trust(root: Path) -> None:
    """Let the root trust the certificates that this machine trusts."""
    known = set(_CERTIFICATE.findall((root / BUNDLE).read_text()))
    extra = set(_CERTIFICATE.findall((Path("/") / BUNDLE).read_text())) - known
    for number, certificate in enumerate(sorted(extra)):
        name = root / f"usr/local/share/ca-certificates/machine-{number}.crt"
        name.write_text(certificate)
    _run(["chroot", str(root), "update-ca-certificates"])


def environment(root: Path, outer: Mapping[str, str]) -> Iterator[str]:
    """The variables of a command in the root, as arguments of env(1)."""
    yield from (
        f"HOME={HOME}",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "TERM=dumb",
    )
    for name, value in outer.items():
        # A path that the root does not have is useless there.
        there = not value.startswith("/") or (root / value[1:]).exists()
        if SETTINGS.fullmatch(name) and there:
            yield f"{name}={value}"


def enter(root: Path, command: str) -> tuple[int, list[str]]:
    """Run a shell command in the clone; its mounts and processes end with it.

    Returns:
        Its exit status, and the lines of its final summary.
    """
    inside = shlex.join(["env", "-i", *environment(root, os.environ), "sh", "-c"])
    script = f"""
set -eu
mount --make-rprivate /
mount -t proc proc {root}/proc
mount -t sysfs sysfs {root}/sys
mount --rbind /dev {root}/dev
exec chroot {root} {inside} {shlex.quote(f"cd {CLONE} && {command}")}
"""
    with subprocess.Popen(
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        try:
            for line in process.stdout:
                print(line, end="", flush=True)
                if line.startswith("Summary"):
                    lines.clear()
                lines.append(line)
        except BaseException:
            process.kill()  # with all processes in the root
            raise
    return process.returncode, lines if lines and lines[0].startswith("Summary") else []


def _run(command: list[str]) -> None:
    print("+", shlex.join(command), file=sys.stderr, flush=True)
    subprocess.run(command, check=True, stdout=sys.stderr, stdin=subprocess.DEVNULL)


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/fresh", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--suite", default="bookworm", help="the Debian to make (default: bookworm)"
    )
    parser.add_argument("--keep", action="store_true", help="keep the root, and say where it is")
    parser.add_argument(
        "--command", action="append", help="run this instead of the README's commands"
    )
    return parser.parse_args()


def _on_signals(action: Callable[[int, object], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, action)


def _end(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    """Make a root, run the commands in it, print their times; return 1 if one failed."""
    options = _options()
    if os.geteuid() != 0:
        print("tools/fresh: making a root takes root", file=sys.stderr)
        return 1
    _on_signals(_end)  # signals may be ignored in the background, or would leave the root behind
    root = Path(tempfile.mkdtemp(prefix=f"mappedram-fresh-{options.suite}-"))
    root.chmod(0o755)
    took: list[tuple[str, float, int]] = []
    summaries: list[str] = []
    try:
        begun = time.monotonic()
        make(root, options.suite)
        took.append(("make the root", time.monotonic() - begun, 0))
        for command in options.command or commands((ROOT / "README.md").read_text()):
            print(f"+ {command}", file=sys.stderr, flush=True)
            begun = time.monotonic()
            status, summary = enter(root, command)
            summaries += [f"\n{command}\n", *summary] if summary else []
            took.append((command, time.monotonic() - begun, status))
        versions = _output(["chroot", str(root), "python3", "--version"]).strip()
    finally:
        if options.keep:
            print(f"tools/fresh: the root is {root}", file=sys.stderr)
        else:
            _on_signals(signal.SIG_IGN)
            shutil.rmtree(root)
    print("".join(summaries))
    commit = _output(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]).strip()
    print(f"tools/fresh: Debian {options.suite}, {versions}, commit {commit}")
    for command, seconds, status in took:
        print(
            f"  {seconds:6.0f} s  {'ok' if status == 0 else f'FAILED with {status}':16}  {command}"
        )
    return int(any(status for _, _, status in took))


if __name__ == "__main__":
    sys.exit(main())
