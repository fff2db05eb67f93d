"""Read and write XML as Snowflake's functions do. An element is an OBJECT: `@` its tag, `$` its content, `@name` an attribute.

See: https://docs.snowflake.com/en/sql-reference/functions/parse_xml, …/xmlget, …/check_xml and …/to_xml
"""

from __future__ import annotations

import json
import re
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

_TAG: Final = re.compile(r"<(/?)([^\s/>]*)([^>]*?)(/?)>|<!--.*?-->|<\?.*?\?>|<!\[CDATA\[(.*?)\]\]>|<![^>]*>", re.DOTALL)
_ATTRIBUTE: Final = re.compile(r"""([^\s=]+)\s*=\s*("[^"]*"|'[^']*')""")
_NAME: Final = re.compile(r"[A-Za-z_:][\w:.\-]*")
_ENTITY: Final = re.compile(r"&(#x?[0-9A-Fa-f]+|lt|gt|amp|quot|apos);")
_ENTITIES: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_KINDS: Final = {bool: "BOOLEAN", int: "INTEGER", float: "DECIMAL", str: "VARCHAR", list: "ARRAY", dict: "OBJECT"}

Element = dict[str, Any]


class XmlError(ValueError):
    """Say what CHECK_XML says of a text."""


def xml_fault(text: str) -> str | None:
    """Return what CHECK_XML says: None for a text that is XML or empty."""
    try:
        _parse(text)
    except XmlError as error:
        return str(error)
    return None


def parse_xml(text: str, convert: bool = True) -> str | None:
    """Return an XML document as JSON; None for an empty text. convert: numbers in it become numbers. Raises XmlError."""
    root = _parse(text, convert)
    return None if root is None else json.dumps(root, ensure_ascii=False)


def xml_child(element: str, tag: str, instance: int) -> str | None:
    """Return the n-th element of a tag in an element, from 0; None where there is none."""
    value = json.loads(element)
    if not is_element(value):
        return None
    content = value["$"] if isinstance(value["$"], list) else [value["$"]]
    found = [child for child in content if is_element(child) and child["@"] == tag]
    return json.dumps(found[instance], ensure_ascii=False) if 0 <= instance < len(found) else None


def to_xml(text: str) -> str:
    """Return a VARIANT, given as JSON, as XML."""
    value = json.loads(text)
    return element_text(value, None) if is_element(value) else _data("SnowflakeData", value)


def is_element(value: object) -> bool:
    return isinstance(value, dict) and "$" in value and isinstance(value.get("@"), str)


def element_text(element: Element, indent: str | None = "") -> str:
    """Return an element as XML. indent: of its line, None for one line."""
    attributes = "".join(f" {k[1:]}={quoteattr(_scalar(v))}" for k, v in element.items() if k[0] == "@" and k != "@")
    start, end = f"<{element['@']}{attributes}>", f"</{element['@']}>"
    content = element["$"] if isinstance(element["$"], list) else [element["$"]]
    if not any(map(is_element, content)):
        return start + "".join(escape(_scalar(part)) for part in content) + end
    if indent is None:
        return start + "".join(element_text(c, None) if is_element(c) else escape(_scalar(c)) for c in content) + end
    inner = indent + "  "
    lines = [element_text(child, inner) if is_element(child) else escape(_scalar(child)) for child in content]
    return f"{start}\n" + "\n".join(inner + line for line in lines) + f"\n{indent}{end}"


def _data(tag: str, value: Any) -> str:
    kind = "NULL_VALUE" if value is None else _KINDS[type(value)]
    if isinstance(value, dict):
        inside = "".join(_data(key, value[key]) for key in sorted(value))
    elif isinstance(value, list):
        inside = "".join(_data("e", item) for item in value)
    else:
        inside = escape(_scalar(value))
    return f'<{tag} type="{kind}">{inside}</{tag}>'


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _parse(text: str, convert: bool = True) -> Element | None:
    if not text.strip():
        return None
    open_elements: list[Element] = []
    root: Element | None = None
    at = 0
    for match in _TAG.finditer(text):
        _add_text(text[at : match.start()], open_elements, convert)
        at = match.end()
        if match[5] is not None:
            _add_text(match[5], open_elements, False, raw=True)
        if match[2] is None:
            continue
        name = match[2]
        bad = _NAME.sub("", name, count=1)
        if bad or not _NAME.match(name):
            position = match.start() + 2 + (name.find(bad[0]) if bad else 0)
            raise XmlError(f"bad character in XML tag name: '{(bad or ' ')[0]}', pos {position}")
        if match[1]:
            if not open_elements or open_elements[-1]["@"] != name:
                raise XmlError(f"no opening tag for </{name}>, pos {match.end()}")
            root = _closed(open_elements.pop())
            continue
        element: Element = {"@": name, "$": []}
        for key, quoted in _ATTRIBUTE.findall(match[3]):
            element[f"@{key}"] = _typed(_plain(quoted[1:-1]), convert)
        if open_elements:
            open_elements[-1]["$"].append(element)
        elif root is not None:
            raise XmlError(f"more than one document, pos {match.end()}")
        if match[4]:
            root = _closed(element)
        else:
            open_elements.append(element)
    if open_elements:
        missing = "".join(f"</{element['@']}>" for element in reversed(open_elements))
        raise XmlError(f"missing closing tags: {missing}, pos {len(text)}")
    if root is None or text[at:].strip():
        raise XmlError(f"not an XML document, pos {at + 1}")
    return root


def _add_text(text: str, open_elements: list[Element], convert: bool, raw: bool = False) -> None:
    if open_elements and text.strip():
        open_elements[-1]["$"].append(text if raw else _typed(_plain(text.strip()), convert))


def _closed(element: Element) -> Element:
    content = element["$"]
    element["$"] = content[0] if len(content) == 1 else content or ""
    return element


def _typed(text: str, convert: bool) -> Any:
    return json.loads(text) if convert and (_NUMBER.fullmatch(text) or text in ("true", "false")) else text


def _plain(text: str) -> str:
    def character(match: re.Match[str]) -> str:
        name = match[1]
        if name.startswith("#"):
            return chr(int(name[2:], 16) if name[1] in "xX" else int(name[1:]))
        return _ENTITIES[name]

    return _ENTITY.sub(character, text)
