"""Write docs/reference from the schema, the gene table, the commands and the docstrings.

    python tools/write_reference.py

No page says anything of a setting, gene, command or function that its code does not say: to
change a sentence, change it there and run `make reference`. A test compares.
"""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

import evoae
from evoae.cli import edge
from evoae.cli.main import SECTIONS, cli
from evoae.config.expected import expected
from evoae.config.load import KeyPath, sections_of
from evoae.config.model import LearningConfig, ModelConfig
from evoae.config.schema import Config
from evoae.config.template import scalar
from evoae.config.values import Section
from evoae.genome import text as one_line
from evoae.genome.canonical import candidate_id
from evoae.genome.codec import encode
from evoae.genome.genes import GENES, KIND_OF, Field, GeneKind
from evoae.genome.text import form, parse, render_gene

FOLDER = Path(__file__).parents[1] / "docs" / "reference"

_CONFIGURATION = """\
# Configuration

{note}

A configuration is a YAML file of the sections below; a setting that is left out has its default.
`evoae init` writes a file with all of them, `evoae init --schema` a JSON schema for editors, and
`--set training.epochs=5` overrides one for a single command. An unknown key is refused, and the
nearest one named. In YAML, `null` stands for none; what it means is said where a setting takes it.
Sizes in bytes can be written with a unit: `512MiB`, `4GiB`.

Only `data.name` or `data.path` must be given. What a resumed run may change is in
[what a result depends on](../results.md), how the objectives differ in
[what a network is trained for](../objectives.md), and how the algorithms do in
[the search](../search.md). A setting of `objective` that only other kinds use is refused unless it
has its default.
"""

_GENES = """\
# Genes

{note}

A genome is a list of genes, in this order: those of the whole network, the encoder's layers, the
bottleneck, the decoder's layers. Each layer may have modifiers behind it. The k-th decoder layer
mirrors the k-th encoder layer from the end, `upconv` a `conv` and `updense` a `dense`, so that
there are as many of both. `conv` cannot follow `dense`.

There are two written forms, and each turns into the other without loss. The flat sequence of
numbers has a gene's token, then its numbers. The one-line text has its word, then its numbers in
brackets.
{text}

Real numbers have three digits in canonical form, which is what the id of a candidate is made from.
"""

_RANGES = """\
## Numbers

The legal range is what a written genome may hold. A search draws from the range of the setting
named here ([the configuration](configuration.md#model) describes them all). A gene of the whole
network is part of every genome of a search if its setting lists several words (`head` also if it
is `mirror`) or, for `train`, if `model.learning.evolve` is true.
"""

_EXAMPLE = (
    "act(gelu) down(stride) train(-2.5,32,adamw) conv(32,4x4) bn drop(0.25) res(1) dense(64)"
    " | latent(8) | updense(64) upconv(32,4x4)"
)

_COMMANDS = """\
# Commands

{note}

`evoae --help` lists the commands and `evoae COMMAND --help` explains one. RUN is the path of a run
folder or its name under `runs/`; where a model is used it can also be a `.keras` file. ID is any
unambiguous prefix of a candidate's id, or `best`, which is what none means. Data go to stdout and
talk to stderr. Brackets behind an option hold its default. `--debug` shows an error's traceback.
{codes}
"""

_PYTHON = """\
# Python

{note}

What `import evoae` offers. None of it loads TensorFlow before a network is trained or loaded.
"""

_TITLES = {
    "Args": "Arguments",
    "Attributes": "Attributes",
    "Returns": "Returns",
    "Raises": "Raises",
}


def pages() -> dict[str, str]:
    """Return every page of the reference by its file's name."""
    return {
        "configuration.md": _page(_CONFIGURATION, _configuration(), "evoae/config"),
        "genes.md": _page(_GENES, _genes(), "evoae/genome", text=_paragraphs(one_line.__doc__)[1]),
        "commands.md": _page(
            _COMMANDS, _commands(), "evoae/cli", codes=_paragraphs(edge.__doc__)[1]
        ),
        "python.md": _page(_PYTHON, _python(), "evoae's docstrings"),
    }


def _page(head: str, body: Iterable[str], source: str, **said: str) -> str:
    note = f"<!-- Made from {source} by `make reference`; what is changed here is lost. -->"
    return head.format(note=note, **said) + "\n" + "\n\n".join(body) + "\n"


# --- configuration


def _configuration() -> Iterator[str]:
    yield _settings(Config, (), list(Config.settings()))
    yield from _sections(Config, ())


def _sections(section: type[Section], above: KeyPath) -> Iterator[str]:
    for key, inner in sections_of(section).items():
        path = (*above, key)
        yield f"{'#' * (len(path) + 1)} {'.'.join(path)}"
        yield inspect.getdoc(inner) or ""
        kinds = inner.kinds()
        shared = [key for key in inner.settings() if len(inner.users(key)) == len(kinds)]
        yield _settings(next(iter(kinds.values()), inner), path, shared)
        for word, kind in kinds.items():
            yield f"{'#' * (len(path) + 2)} {'.'.join(path)}: {word}"
            yield inspect.getdoc(kind) or ""
            if own := [key for key in kind.model_fields if key not in shared]:
                yield _settings(kind, path, own)
        yield from _sections(inner, path)


def _settings(section: type[Section], above: KeyPath, keys: Sequence[str]) -> str:
    """Return the table of what stands directly in a section, at these keys."""
    defaults = section.model_construct().model_dump(mode="json")
    inner = sections_of(section)
    rows = []
    for key in keys:
        path, field = (*above, key), section.settings()[key]
        if key in inner:
            link = f"[{'.'.join(path)}](#{''.join(path)})"
            rows.append((f"`{key}`", "", link, field.description or inspect.getdoc(inner[key])))
        else:
            default = f"`{scalar(defaults[key])}`"
            rows.append((f"`{key}`", default, expected(path), field.description))
    return _table(("setting", "default", "takes", "meaning"), rows)


# --- genes


def _genes() -> Iterator[str]:
    yield _table(("gene", "token", "stands", "meaning"), map(_gene, GENES))
    yield _RANGES.rstrip()
    fields = dict.fromkeys(field for kind in GENES for field in kind.fields)
    yield _table(("genes", "number", "legal", "setting", "default", "drawn"), map(_number, fields))
    yield "## An example"
    genome = parse(_EXAMPLE)
    yield f"```text\n{_wrapped(_EXAMPLE)}\n```"
    yield "Its flat sequence, and its candidate id:"
    yield f"```text\n{_wrapped(str(encode(genome)))}\n\n{candidate_id(genome)}\n```"
    rows = [(f"`{render_gene(gene)}`", _role(KIND_OF[type(gene)])) for gene in genome.genes]
    yield _table(("gene", "stands"), rows)


def _gene(kind: GeneKind) -> Sequence[str]:
    prose, _, listed = (inspect.getdoc(kind.gene) or "").partition("\n\nAttributes:\n")
    attributes = [f"`{name}`: {said}" for name, said in _entries(listed)]
    meaning = " ".join((prose, *attributes))
    return f"`{form(kind)}`", str(kind.token), _role(kind), meaning


def _role(kind: GeneKind) -> str:
    return kind.role.value


def _number(field: Field) -> Sequence[str]:
    owners = ", ".join(f"`{kind.word}`" for kind in GENES if field in kind.fields)
    if field.words:
        legal = ", ".join(f"{number} `{word}`" for number, word in enumerate(field.words))
    else:
        legal = f"{field.low:,} to {field.high:,}" + (", real" if field.type is float else "")
    setting, drawn = _drawn(field)
    how = "one of them" if field.words else "log-uniformly" if field.log else "uniformly"
    return owners, f"`{field.name}`", legal, setting, drawn, how


def _drawn(field: Field) -> tuple[str, str]:
    """Return which settings narrow a field for a search, and what they are by default."""
    model = ModelConfig()
    if field.setting == "latent":
        return (
            "`model.min_latent`, `model.max_latent`",
            f"{model.min_latent} to {model.max_latent}",
        )
    section: Section = model if field.setting in ModelConfig.model_fields else LearningConfig()
    low, *more = getattr(section, field.setting)
    words = ", ".join(f"`{word}`" for word in (low, *more))
    drawn = words if field.words else f"{low:g} to {more[0]:g}"
    if field.setting == "learning_rates":
        drawn = f"logarithms of {drawn}"
    above = "model" if section is model else "model.learning"
    return f"`{above}.{field.setting}`", drawn


# --- commands


def _commands() -> Iterator[str]:
    top = click.Context(cli, info_name="evoae")
    for title, names in SECTIONS.items():
        yield f"## {title}"
        yield _table(
            ("command", "what it does"),
            ((f"[`{name}`](#evoae-{name})", said) for name, said in names.items()),
        )
    for names in SECTIONS.values():
        for name in names:
            command = cli.get_command(top, name)
            assert command is not None
            yield from _command(command, click.Context(command, parent=top, info_name=name))


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    path = context.command_path
    yield f"{'#' * len(path.split())} {path}"
    usage = " ".join((path, *command.collect_usage_pieces(context)))
    yield f"```text\n{usage}\n```"
    yield inspect.cleandoc(command.help or "").replace("\b\n", "")
    options = [
        _option(option)
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden
    ]
    if options:
        yield _table(("option", "meaning"), options)
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from _command(inner, click.Context(inner, parent=context, info_name=name))


def _option(option: click.Option) -> Sequence[str]:
    names = ", ".join((*option.opts, *option.secondary_opts))
    said = [option.help or ""]
    if isinstance(option.show_default, str):
        said.append(f"[{option.show_default}]")
    elif option.show_default:
        default = option.default
        said.append(f"[{', '.join(default) if isinstance(default, tuple) else default}]")
    if option.required:
        said.append("Required.")
    if option.multiple and "repeat" not in said[0]:
        said.append("May be repeated.")
    return f"`{' '.join((names, _value(option))).strip()}`", " ".join(said)


def _value(option: click.Option) -> str:
    """Return what an option takes; nothing for a flag."""
    kind: Any = option.type
    if option.is_flag:
        return ""
    if option.metavar:
        return option.metavar
    if isinstance(kind, click.Choice):
        return "|".join(map(str, kind.choices))
    return "NUMBER" if "integer" in kind.name or "float" in kind.name else kind.name.upper()


# --- Python


def _python() -> Iterator[str]:
    for name in evoae.__all__:
        if name != "__version__":
            yield from _public(name, getattr(evoae, name))


def _public(name: str, thing: Any) -> Iterator[str]:
    yield f"## evoae.{name}"
    if not inspect.isclass(thing):
        yield _signature(name, thing)
        yield _markdown(inspect.getdoc(thing) or "")
        return
    if thing is evoae.AutoencoderSearch:  # the one class that people make themselves
        yield _signature(name, thing)
    yield _markdown(inspect.getdoc(thing) or "")
    if issubclass(thing, enum.Enum):
        yield ", ".join(f"`{member.value}`" for member in thing) + "."
        return
    for key in vars(thing):
        if not key.startswith("_") and callable(method := getattr(thing, key)):
            yield f"### {name}.{key}"
            yield _signature(f"{name}.{key}", method)
            yield _markdown(inspect.getdoc(method) or "")


def _signature(name: str, thing: Callable[..., Any]) -> str:
    """Return a call as it is written; `self` is left out."""
    signature = inspect.signature(thing)
    parameters = [each for each in signature.parameters.values() if each.name != "self"]
    shown = [_parameter(each) for each in parameters]
    keywords = [at for at, each in enumerate(parameters) if each.kind is each.KEYWORD_ONLY]
    if keywords:
        shown.insert(keywords[0], "*")
    gives = "" if inspect.isclass(thing) else f" -> {_type(signature.return_annotation)}"
    line = f"{name}({', '.join(shown)}){gives}"
    if len(line) > 99:
        line = f"{name}(\n    " + ",\n    ".join(shown) + f",\n){gives}"
    return f"```text\n{line}\n```"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
    written = f"{stars}{parameter.name}: {_type(parameter.annotation)}"
    return written + ("" if parameter.default is parameter.empty else f" = {parameter.default!r}")


def _type(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")


def _markdown(doc: str) -> str:
    """Turn a docstring's sections into lists; the rest of it is Markdown as it is."""
    lines: list[str] = []
    title = ""
    for line in doc.splitlines():
        heading = re.fullmatch(r"(\w+):", line)
        if heading and heading[1] in _TITLES:
            title = heading[1]
            lines += [f"**{_TITLES[title]}**", ""]
        elif line and not line.startswith(" "):
            title = ""
            lines.append(line)
        elif not title:
            lines.append(line)
        elif title == "Returns":
            lines.append(line.strip())
        else:
            entry = re.fullmatch(r" {4}(\w[\w, ]*): (.*)", line)
            lines.append(
                f"- `{entry[1]}`: {entry[2]}" if entry else line.replace(" " * 8, "  ", 1)
            )
    return "\n".join(lines).strip()


# --- all of them


def _entries(listed: str) -> list[tuple[str, str]]:
    """Return names and sentences of a docstring's section."""
    joined = re.sub(r"\n {5,}", " ", listed)
    return re.findall(r"^ *(\w+): (.*)$", joined, re.MULTILINE)


def _paragraphs(doc: str | None) -> list[str]:
    return inspect.cleandoc(doc or "").split("\n\n")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    lines = [heads, ["---"] * len(heads), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def _wrapped(line: str) -> str:
    """Break a line at spaces before column 100."""
    return re.sub(r"(.{1,99})(?: |$)", r"\1\n", line).rstrip()


def main() -> None:
    """Write every page, and remove those that no longer are."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    written = pages()
    for name, text in written.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    for page in FOLDER.glob("*.md"):
        if page.name not in written:
            page.unlink()


if __name__ == "__main__":
    main()
