"""The catalog's folder, read once: which files are there, what they hold, and which are stray."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from os.path import lexists
from pathlib import Path

from deliveries.catalog.errors import Part
from deliveries.catalog.locales import canonical, is_locale
from deliveries.catalog.manifest import is_template_id
from deliveries.catalog.problem import Problem

MANIFEST = "template.json"
LARGEST_FILE = 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Source:
    """One file. `path` is what people are shown, `name` relative to the catalog, with slashes."""

    path: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class LocaleFolder:
    """One locale's files. A part that is missing or could not be read is not in `sources`."""

    path: str
    sources: dict[Part, Source]
    has_html: bool  # readable or not


@dataclass(frozen=True, slots=True)
class TemplateFolder:
    """One template's files, its locales by their canonical names."""

    path: str
    template_id: str
    manifest: Source | None
    locales: dict[str, LocaleFolder] = field(default_factory=dict)


class Tree:
    """Reads the folder. `problems` fills as it goes; `digest` is right once all is read."""

    def __init__(self, directory: Path) -> None:
        self._root = directory
        self._real_root = directory.resolve()
        self._contents: dict[str, bytes] = {}
        self.problems: list[Problem] = []

    @property
    def digest(self) -> str:
        """SHA-256 over every path and its bytes, by path, each preceded by its length."""
        digest = sha256()
        for name, content in sorted(self._contents.items()):
            for piece in (name.encode(), content):
                digest.update(b"%d:" % len(piece))
                digest.update(piece)
        return digest.hexdigest()

    def read(self) -> list[TemplateFolder]:
        if not self._is_folder(self._root):
            self._object(self._root, "there is no such folder")
            return []
        folders = [
            self._read_template(path)
            for path in self._folders(self._root, rule="a template's folder")
            if self._named(
                path, "no template id: a-z 0-9 . _ - only", right=is_template_id(path.name)
            )
        ]
        if not folders and not self.problems:
            self._object(self._root, "there is no template in this folder")
        return folders

    def _read_template(self, path: Path) -> TemplateFolder:
        manifest = self._read_file(path / MANIFEST)
        folder = TemplateFolder(str(path), path.name, manifest)
        for inner in self._folders(path, rule=f"a locale's folder or {MANIFEST}", files={MANIFEST}):
            if not self._named(
                inner, "no locale, such as en or de-AT", right=is_locale(inner.name)
            ):
                continue
            locale = canonical(inner.name)
            if locale in folder.locales:
                self._object(inner, f"the locale {locale} has two folders")
                continue
            folder.locales[locale] = self._read_locale(inner)
        return folder

    def _read_locale(self, path: Path) -> LocaleFolder:
        names = [part.value for part in Part]
        for entry in self._entries(path):
            if entry.name not in names:
                self._object(entry, f"stray: only {', '.join(names)} belong here")
        sources = {}
        has_html = lexists(path / Part.HTML)
        for part in Part:
            if part is Part.HTML and not has_html:
                continue
            source = self._read_file(path / part)
            if source is not None:
                sources[part] = source
        return LocaleFolder(str(path), sources, has_html)

    def _folders(
        self, path: Path, *, rule: str, files: set[str] | frozenset[str] = frozenset()
    ) -> Iterator[Path]:
        for entry in self._entries(path):
            if entry.name in files:
                continue
            if not self._inside(entry):
                continue
            if self._is_folder(entry):
                yield entry
            else:
                self._object(entry, f"stray: only {rule} belongs here")

    def _entries(self, path: Path) -> list[Path]:
        try:
            return sorted(path.iterdir())
        except OSError as error:
            self._object(path, f"cannot be read: {error.strerror}")
            return []

    @staticmethod
    def _is_folder(path: Path) -> bool:
        try:
            return path.is_dir()
        except OSError:  # a folder above it may not be entered
            return False

    def _inside(self, path: Path) -> bool:
        try:
            real = path.resolve(strict=True)
        except (FileNotFoundError, RuntimeError):  # RuntimeError: a loop of links
            self._object(path, "a link that leads nowhere")
            return False
        except OSError as error:
            self._object(path, f"cannot be read: {error.strerror}")
            return False
        if real.is_relative_to(self._real_root):
            return True
        self._object(path, "a link that leads out of the catalog")
        return False

    def _read_file(self, path: Path) -> Source | None:
        if not lexists(path):
            self._object(path, "is missing")
            return None
        if not self._inside(path):
            return None
        try:
            content = self._read_bytes(path)
        except OSError as error:
            self._object(path, f"cannot be read: {error.strerror}")
            return None
        if content is None:
            return None
        name = path.relative_to(self._root).as_posix()
        self._contents[name] = content
        text = self._decode(path, content)
        return None if text is None else Source(str(path), name, text)

    def _read_bytes(self, path: Path) -> bytes | None:
        # looked at before it is opened: opening a pipe would wait for its writer
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            self._object(path, "is not a file")
        elif found.st_size > LARGEST_FILE:
            self._object(path, f"is larger than {LARGEST_FILE:,} bytes")
        else:
            return path.read_bytes()
        return None

    def _decode(self, path: Path, content: bytes) -> str | None:
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            self._object(path, f"is not UTF-8: byte 0x{content[error.start]:02x}", line=line)
            return None
        if text.startswith("\ufeff"):
            self._object(path, "begins with a byte order mark")
            return None
        return text

    def _named(self, path: Path, otherwise: str, *, right: bool) -> bool:
        if not right:
            self._object(path, f"'{path.name}' is {otherwise}")
        return right

    def _object(self, path: Path, text: str, *, line: int = 1) -> None:
        self.problems.append(Problem(str(path), line, text))
