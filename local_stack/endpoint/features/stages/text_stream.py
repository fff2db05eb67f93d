"""Read a staged file as decoded text, in pieces.

This handles compression, encoding and the byte order mark.
Source: https://docs.snowflake.com/en/sql-reference/sql/create-file-format (COMPRESSION, ENCODING, SKIP_BYTE_ORDER_MARK,
REPLACE_INVALID_CHARACTERS).
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from local_stack.endpoint.statements import unsupported

PIECE = 1 << 20
_STREAMS = {"GZIP": "gzip", "BZ2": "bz2", "ZSTD": "zstd", "BROTLI": "brotli"}
_WINDOW_BITS = {"DEFLATE": 15, "RAW_DEFLATE": -15}
_MAGIC = ((b"\x1f\x8b", "GZIP"), (b"BZh", "BZ2"), (b"\x28\xb5\x2f\xfd", "ZSTD"))
_SUFFIXES = {".deflate": "DEFLATE", ".raw_deflate": "RAW_DEFLATE"}
# Snowflake's name without hyphens → Python's codec. Python does not have IBM420 and ISO-2022-CN.
_CODECS = {
    "BIG5": "big5", "EUCJP": "euc_jp", "EUCKR": "euc_kr", "GB18030": "gb18030", "IBM424": "cp424", "IBM949": "cp949",
    "ISO2022JP": "iso2022_jp", "ISO2022KR": "iso2022_kr", "ISO885915": "iso8859_15", "KOI8R": "koi8_r",
    "SHIFTJIS": "shift_jis", "UTF8": "utf-8", "UTF16": "utf-16", "UTF16BE": "utf-16-be", "UTF16LE": "utf-16-le",
    "UTF32": "utf-32", "UTF32BE": "utf-32-be", "UTF32LE": "utf-32-le", "WINDOWS949": "cp949", "WINDOWS874": "cp874",
    **{f"ISO8859{n}": f"iso8859_{n}" for n in range(1, 10)},
    **{f"WINDOWS125{n}": f"cp125{n}" for n in range(9)},
}  # fmt: skip
_SURROGATE = 0xDC00
INVALID = re.compile("[\udc00-\udcff]+")


def codec_of(encoding: str) -> str:
    """Return Python's codec for a value of ENCODING. Raises SqlError for an encoding that is not known here."""
    codec = _CODECS.get(re.sub("[-_]", "", encoding.upper()))
    if codec is None:
        raise unsupported(f"ENCODING = {encoding}")
    return codec


def compression_of(path: Path, wanted: str) -> str:
    """Return the compression of a file.

    AUTO looks at the first bytes and, for DEFLATE, at the file's name. It never guesses Brotli.
    """
    if wanted != "AUTO":
        return wanted
    with path.open("rb") as file:
        start = file.read(4)
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    return _SUFFIXES.get(path.suffix.lower(), "NONE")


def read_bytes(path: Path, compression: str) -> Iterator[bytes]:
    """Yield the decompressed content in pieces. Raises OSError or zlib.error where it is damaged."""
    kind = compression_of(path, compression)
    if kind in _WINDOW_BITS:
        inflate = zlib.decompressobj(_WINDOW_BITS[kind])
        with path.open("rb") as raw:
            while piece := raw.read(PIECE):
                yield inflate.decompress(piece)
            yield inflate.flush()
        return
    with pa.input_stream(str(path), compression=_STREAMS.get(kind)) as stream:
        while piece := stream.read(PIECE):
            yield piece


def read_text(path: Path, compression: str, encoding: str, skip_mark: bool, replace_invalid: bool) -> Iterator[str]:
    """Yield the content as text, in pieces.

    Bytes that the encoding does not know become U+FFFD with `replace_invalid`. Without it, they become surrogates that
    INVALID finds.
    """
    pieces = read_bytes(path, compression)
    first = next(pieces, b"")
    decoder = codecs.getincrementaldecoder(_byte_order(codec_of(encoding), first))(
        "replace" if replace_invalid else "snowflake_surrogates"
    )
    text = decoder.decode(first)
    yield text[1:] if skip_mark and text.startswith("\ufeff") else text
    for piece in pieces:
        yield decoder.decode(piece)
    yield decoder.decode(b"", final=True)


def invalid_bytes(text: str) -> str:
    """Return the bytes behind surrogates, as Snowflake prints them."""
    return "".join(f"{ord(char) - _SURROGATE:02X}" for char in text)


def _byte_order(codec: str, start: bytes) -> str:
    """Return the codec with the right byte order.

    UTF-16 and UTF-32 without a mark are big-endian (RFC 2781), but Python's codecs use the machine's byte order.
    """
    if codec == "utf-16" and start[:2] not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16-be"
    if codec == "utf-32" and start[:4] not in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        return "utf-32-be"
    return codec


def _as_surrogates(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(_SURROGATE + byte) for byte in error.object[error.start : error.end]), error.end


_handler: Callable[[UnicodeError], tuple[str, int]] = _as_surrogates
codecs.register_error("snowflake_surrogates", _handler)
