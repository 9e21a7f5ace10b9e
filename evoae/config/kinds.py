"""Sections whose `kind` says which class of settings they have (tagged unions)."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticUndefined, core_schema

from evoae.config.values import Section


class KindSection(Section):
    """Base of such a section, from which its kinds derive.

    A kind is a class whose `kind` has a default, its word; the first kind is what a section
    without that key means. Classes in between share settings. A setting that several kinds have
    has the same default in all of them. A setting of other kinds may be written only with its
    default, so that a file may list the settings of all kinds.

    A field takes any kind of a section if it is annotated with `BY_KIND`. Where a kind is defined
    after the class that has the field, that class needs a `model_rebuild(force=True)`.
    """

    _kinds: ClassVar[dict[str, type[KindSection]]]

    kind: str

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Enter a kind under its word."""
        word = cls.model_fields["kind"].default
        if KindSection in cls.__bases__:
            cls._kinds = {}
        elif word is not PydanticUndefined:
            cls._kinds[word] = cls

    @classmethod
    def kinds(cls) -> Mapping[str, type[Section]]:
        """Return the section's classes by their words."""
        return cls._kinds

    @classmethod
    def settings(cls) -> dict[str, FieldInfo]:
        """Return the settings of all kinds, in the order of the kinds."""
        merged: dict[str, FieldInfo] = {}
        for kind in cls._kinds.values():
            for name, field in kind.model_fields.items():
                merged.setdefault(name, field)
        words: Any = Literal[tuple(cls._kinds)]
        about = merged["kind"]
        of_kind = FieldInfo(annotation=words, default=about.default, description=about.description)
        return merged | {"kind": of_kind}

    @model_validator(mode="before")
    @classmethod
    def _without_other_kinds(cls, raw: Any) -> Any:
        """Drop what only other kinds use where it has its default; refuse it otherwise."""
        if not isinstance(raw, Mapping):
            return raw
        known = cls.settings()
        others = [name for name in raw if name in known and name not in cls.model_fields]
        for name in others:
            value, default = raw[name], known[name].default
            if value != default or isinstance(value, bool) != isinstance(default, bool):
                *more, last = cls.users(name)
                kinds = f"kinds {', '.join(more)} and {last} use" if more else f"kind {last} uses"
                raise ValueError(f"{name}: only {kinds} it")
        return {name: value for name, value in raw.items() if name not in others}


class _ByKind:
    """What pydantic makes of a field that takes any kind of a section."""

    def __get_pydantic_core_schema__(
        self, section: type[KindSection], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Tell the kinds apart by their words."""
        choices = {word: handler(kind) for word, kind in section.kinds().items()}

        def kind_of(value: Any) -> str | None:
            if isinstance(value, Mapping):
                return str(value.get("kind", next(iter(choices))))
            return getattr(value, "kind", None)

        about = {"description": inspect.getdoc(section)}
        return core_schema.tagged_union_schema(choices, kind_of, metadata=about)

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the settings of all kinds together, as a file may list them."""
        choices = handler.resolve_ref_schema(handler(schema))["oneOf"]
        settings: JsonSchemaValue = {}
        for choice in choices:
            for name, value in handler.resolve_ref_schema(choice)["properties"].items():
                settings.setdefault(name, value)
        settings["kind"] = {**settings["kind"], "enum": list(schema["choices"])}
        del settings["kind"]["const"]
        return {
            "type": "object",
            "description": schema["metadata"]["description"],
            "properties": settings,
            "additionalProperties": False,
        }


BY_KIND = _ByKind()
