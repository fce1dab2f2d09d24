"""A new environment with this package from an archive, and its dependencies from here.

It needs no network: a `.pth` file adds the packages of the running environment, behind the
installed ones. Python does not follow `.pth` files of that folder, so an editable install is not
seen.
"""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """A virtual environment in `folder`."""

    folder: Path

    @classmethod
    def made(cls, folder: Path, archive: Path) -> "Environment":
        """Create an environment, and install a wheel or an sdist in it.

        Raises:
            subprocess.CalledProcessError: it cannot be made, or the archive cannot be installed.
        """
        environment = cls(folder)
        _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
        asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
        packages = Path(environment.run([environment.python, "-c", asked]).stdout.strip())
        shared = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
        (packages / "shared.pth").write_text("".join(f"{path}\n" for path in sorted(shared)))
        pip = ("-m", "pip", "--disable-pip-version-check", "--python", environment.python)
        offline = ("--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed")
        environment.run([sys.executable, *pip, "install", "--quiet", *offline, archive])
        return environment

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def command(self) -> Path:
        """The command `mappedram`."""
        return self.folder / "bin" / "mappedram"

    def run(self, command: Iterable[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run a command in its folder, where no checkout is found by accident.

        Raises:
            subprocess.CalledProcessError: it fails; a note has its output.
        """
        return _run([str(word) for word in command], self.folder)


def _run(command: list[str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        error = subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
        error.add_note(done.stdout + done.stderr)
        raise error
    return done
