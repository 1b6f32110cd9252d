"""The picture in a request's body: the body itself, or the field `file` of a form."""

from __future__ import annotations

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from mnistlab.errors import DataError, brief

RAW = "-"
"""The name of a picture without one, as `mnistlab read -` gives it."""
FIELD = b"file"
MOST_PARTS = 16


class _Form:
    """Gathers the first part called `file`; counts the others."""

    def __init__(self) -> None:
        self.parts, self.name, self.content = 0, "", bytearray()
        self.found = self.here = False
        self.field, self.value, self.disposition = bytearray(), bytearray(), b""

    def part_begin(self) -> None:
        self.parts += 1
        self.here, self.disposition = False, b""
        if self.parts > MOST_PARTS:
            raise FormParserError(f"more than {MOST_PARTS} parts")

    def header_begin(self) -> None:
        self.field.clear()
        self.value.clear()

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self.field += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def header_end(self) -> None:
        if bytes(self.field).lower() == b"content-disposition":
            self.disposition = bytes(self.value)

    def headers_finished(self) -> None:
        _, options = parse_options_header(self.disposition)
        self.here = options.get(b"name") == FIELD and not self.found
        if self.here:
            self.found = True
            self.name = _file_name(options.get(b"filename", b""))

    def part_data(self, data: bytes, start: int, end: int) -> None:
        if self.here:
            self.content += data[start:end]


def picture_in(body: bytes, content_type: str) -> tuple[str, bytes]:
    """Give the name and the bytes of the picture. Raises DataError for a form without one."""
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        return RAW, body
    form = _Form()
    calls = ("part_begin", "header_begin", "header_field", "header_value", "header_end",
             "headers_finished", "part_data")  # fmt: skip
    try:
        parser = MultipartParser(
            options.get(b"boundary", b""),
            {f"on_{call}": getattr(form, call) for call in calls},  # type: ignore[arg-type]
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise DataError(f"the form cannot be read: {brief(error)}") from error
    if not form.found:
        raise DataError("the form has no field 'file': send one, or the picture alone as the body")
    return form.name, bytes(form.content)


def _file_name(given: bytes) -> str:
    """Give the last part of a file's path, in whatever way it was written."""
    name = given.decode("utf-8", "replace").replace("\\", "/").rpartition("/")[2]
    return name[:255] or RAW
