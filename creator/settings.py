"""The settings of a run, from the command line, the environment, `.env` and `creator.toml`.

The first of them that names an option wins, in this order. A mistake in any of them is one line that says
where it stands.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import platformdirs
from dotenv import dotenv_values
from pydantic import Field, StringConstraints, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from creator.errors import UsageError
from creator.objectives import DEFAULT_OBJECTIVE, MAX_OBJECTIVE, read_objective
from creator.settings_words import ALIASES, DOTENV, ENV_PREFIX, TOML, explain, mistake, outside_name
from creator.templates.mix import DEFAULT_TEMPLATE, parse_mix
from creator.text import clean
from sandbox.protocol import Pattern

MAX_AGENTS: Final = 2_000
"""The largest population; briefs stay distinct up to here."""

CODE_ANSWERS: Final = 5
"""How many answers of a model a module may take that is written in code."""

_Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


def _default_library() -> Path:
    return platformdirs.user_data_path("agent-creator-sandbox") / "agents"


class OutputSettings(BaseSettings):
    """What every command needs to know: where the runs lie, and the agents that were kept of them."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_file=DOTENV,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        validate_default=False,
        frozen=True,
    )

    output: Path = Path("generated")
    """The folder of all runs."""
    library: Path = Field(default_factory=_default_library)
    """The folder of the agents that were kept; by default one in the user's folder for data."""

    @classmethod
    def load(cls, options: Mapping[str, Any] | None = None) -> Self:
        """Reads the settings.

        Args:
            options: What the command line says, by field name; None, or no value at all of an option that can be
                repeated, stands for one that was not given.

        Raises:
            UsageError: A value or a file is wrong; the text names the option, variable or key and its file.
        """
        given = {name: value for name, value in (options or {}).items() if value not in (None, ())}
        try:
            return cls(**given)
        except ValidationError as error:
            raise UsageError(explain(error, given)) from None
        except UnicodeDecodeError:
            raise UsageError(f"{DOTENV} is not UTF-8 text: save it as UTF-8.") from None
        except OSError as error:
            raise UsageError(f"Cannot read {DOTENV}: {error.strerror or error}.") from None

    @classmethod
    def mistakes(cls, options: Mapping[str, Any]) -> dict[str, str]:
        """What is wrong with settings, all of it; nothing when `load` would take them.

        Args:
            options: As for `load`.

        Returns:
            By field what is wrong with it, as it goes on after "it does not fit: ". An empty name stands for what is
            wrong with all of them together, or with a file.
        """
        try:
            cls(**{name: value for name, value in options.items() if value not in (None, ())})
        except ValidationError as error:
            return {field: what for field, _, what in map(mistake, reversed(error.errors()))}
        except (UsageError, UnicodeDecodeError, OSError) as error:
            return {"": str(error)}
        return {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The sources, strongest first."""
        toml = InitSettingsSource(settings_cls, _read_toml())
        return init_settings, env_settings, dotenv_settings, toml

    @field_validator("output", "library", mode="before")
    @classmethod
    def _folder_is_named(cls, value: object) -> object:
        if isinstance(value, str) and (not value.strip() or "\0" in value):
            raise ValueError("name a folder")
        return Path(value).expanduser() if isinstance(value, str) else value


class TemplateSettings(OutputSettings):
    """What every command that reads templates needs to know."""

    templates: Annotated[tuple[Path, ...], NoDecode] = ()
    """Folders with templates of the user's own."""

    @field_validator("templates", mode="before")
    @classmethod
    def _templates_are_folders(cls, value: object) -> object:
        # A list names folders as they are; one text is split, as the environment has no lists.
        if isinstance(value, str):
            value = [one for one in re.split(f"[,{re.escape(os.pathsep)}]", value) if one.strip()]
        elif not isinstance(value, list | tuple):
            raise ValueError("name a folder")
        folders = [str(one).strip() for one in value]
        if any(not one or "\0" in one for one in folders):
            raise ValueError("name a folder")
        return tuple(Path(one).expanduser() for one in folders)


class SpawnSettings(TemplateSettings):
    """The settings of one `spawn`."""

    count: int = Field(ge=1, le=MAX_AGENTS)
    """How many agents, and so how many ideas."""
    objective: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_OBJECTIVE)] = (
        DEFAULT_OBJECTIVE
    )
    """What the population works on."""
    objective_file: Path | None = None
    """A UTF-8 text file that says what the population works on; it takes the place of ``objective``."""
    idea_schema: Path | None = None
    """A JSON Schema of the parts of an idea; None for business ideas."""
    pattern: Pattern | None = None
    """How agents work on an idea together; None leaves each agent its own way."""
    briefs: Path | None = None
    """A JSON file with more sectors, customers, technologies, roles and temperaments to draw from."""
    model: _Line | None = None
    """A model spec such as ``openai:gpt-4.1-mini``; None lets the keys in the environment decide."""
    base_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$", max_length=500)] | None = None
    """An OpenAI-compatible server."""
    sandbox: Literal["auto", "docker", "bubblewrap", "process"] = "auto"
    """Where the agents run; ``auto`` takes the strongest that works here."""
    isolation: Literal["process", "container"] = "process"
    """What stands between agents in Docker: a process and a user of its own, or a container of its own."""
    agents_per_cell: int = Field(default=1, ge=1, le=200)
    """How many agents share a process; they are not protected from each other."""
    runtime: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*$", max_length=100)] | None = None
    """The engine's OCI runtime, such as ``runsc``; None for its default."""
    unsafe: bool = False
    """Take the plain process for modules whose code a model wrote."""
    author: Literal["fill", "code"] = "fill"
    """How modules are written: ``fill`` fills the slots of a template, ``code`` lets the model write behaviour."""
    review: Literal["no", "now", "later"] = "no"
    """Whether a person approves each module before it goes live: asked on this terminal, or whenever there is time."""
    max_agents: int | None = Field(default=None, ge=1, le=MAX_AGENTS)
    """How many agents may be born, colleagues and all generations included; None for as many colleagues as agents."""
    max_depth: int = Field(default=2, ge=0, le=10)
    """How many generations of colleagues there may be that agents asked for."""
    colleagues_each: int = Field(default=2, ge=0, le=100)
    """How many colleagues one agent may ask for."""
    colleague_tokens: int = Field(default=200_000, ge=0)
    """Tokens of the model that an agent may have spent, beyond which it gets no more colleagues."""
    generations: int = Field(default=0, ge=0, le=20)
    """How many more generations are bred from the best."""
    keep: int | None = Field(default=None, ge=1, le=MAX_AGENTS)
    """How many of the best ideas' authors are the next generation's parents; None for a quarter, at least two."""
    tournament: bool = True
    """Whether a judge compares the ideas, where the model is capable of it."""
    judge_model: Annotated[list[str], NoDecode] = Field(default_factory=list)
    """Models that judge, as specs; none for the model of the run."""
    judges: int | None = Field(default=None, ge=1, le=9)
    """How many judges there are; None for one of each model."""
    baseline: bool | None = None
    """Whether one-shot ideas of the same model take part in the tournament, blind; None where generations are bred."""
    embeddings: _Line | None = None
    """A model of the same server that embeds texts, to find near-duplicates; None compares their words."""
    template: Annotated[dict[str, float], NoDecode] = {DEFAULT_TEMPLATE: 1.0}
    """By name: the weights of the templates that agents are made from."""
    seed: int | None = None
    """Makes briefs and draws repeatable."""
    deadline: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Seconds for the whole run; None for no limit."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Tokens, read and written, that the whole run may spend; None for no limit."""
    max_cost: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """US dollars that the whole run may spend; None for no limit."""
    max_messages: int | None = Field(default=None, ge=1)
    """Requests that the agents of a run may send; None for no limit."""
    confirm_above: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    """US dollars from which on a person on a terminal is asked before the run starts."""
    yes: bool = False
    """Ask nobody before an expensive run."""
    prices: Path | None = None
    """A JSON file with prices of models, beside those that are known."""
    cache: bool = False
    """Whether answers of models are kept on disk, and taken from there when the same is asked again."""
    bounce: float | None = Field(default=None, ge=0, le=1)
    """How likely an agent shares its idea; None leaves each agent its own probability."""
    with_agents: Annotated[list[str], NoDecode] = Field(default_factory=list, validation_alias=ALIASES["with_agents"])
    """Kept agents that take part, by name."""
    json_output: bool = Field(default=False, validation_alias=ALIASES["json_output"])
    """One JSON document on stdout instead of tables."""
    quiet: bool = False
    """No progress and no tables."""
    serve: bool = False
    """Whether a page shows the run while it goes on."""
    base_image: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w./:@-]*$", max_length=300)] = (
        "python:3.12-slim"
    )
    """The image that the sandbox's image is built from."""
    model_concurrency: int | None = Field(default=None, ge=1, le=1_000)
    """Most model calls at once; None leaves it to the model."""
    model_timeout: float = Field(default=60, gt=0, allow_inf_nan=False)
    """Seconds for one try at a model call."""
    birth_deadline: float = Field(default=30, gt=0, allow_inf_nan=False)
    """Seconds from the start of a cell until its agent has to be registered."""
    reply_deadline: float = Field(default=300, gt=0, allow_inf_nan=False)
    """Seconds that an agent has for one answer."""
    hop_limit: int = Field(default=3, ge=0, le=100)
    """How many colleagues an idea may pass."""

    @field_validator("with_agents", "judge_model", mode="before")
    @classmethod
    def _names_are_split(cls, value: object, info: ValidationInfo) -> object:
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
            models = info.field_name == "judge_model"
            example = "models, such as 'openai:gpt-4.1-mini'" if models else "kept agents, such as 'ada,bo_clinics'"
            raise ValueError(f"name {example}")
        return [name.strip() for text in texts for name in text.split(",") if name.strip()]

    @field_validator("max_agents")
    @classmethod
    def _all_who_are_asked_for_may_be_born(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and value < info.data.get("count", value):
            raise ValueError(f"the run begins with {info.data['count']} agents")
        return value

    @field_validator("keep")
    @classmethod
    def _no_more_are_kept_than_live(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and value > info.data.get("count", value):
            raise ValueError(f"there are only {info.data['count']} agents")
        return value

    @model_validator(mode="before")
    @classmethod
    def _objective_is_read(cls, values: Any) -> Any:
        path = values.get("objective_file") if isinstance(values, dict) else None
        return values if path is None else {**values, "objective": read_objective(Path(path).expanduser())}

    @property
    def kept_parents(self) -> int:
        """How many of the best ideas' authors are the next generation's parents."""
        return self.keep or max(min(2, self.count), self.count // 4)

    @property
    def bred(self) -> int:
        """How many agents each further generation brings; the parents stay in the population beside them."""
        return self.count - min(self.kept_parents, self.count - 1)

    @property
    def asked(self) -> int:
        """How many ideas the run shall come to."""
        return self.count + self.generations * self.bred

    @property
    def author_deadline(self) -> float:
        """Seconds that the Creator has for one module; one that is written in code may be mended several times."""
        return self.reply_deadline * (CODE_ANSWERS if self.author == "code" else 1)

    @property
    def most_agents(self) -> int:
        """How many agents there may be, colleagues that agents asked for included."""
        return self.max_agents or min(2 * self.count, MAX_AGENTS)

    @property
    def most_births(self) -> int:
        """How many agents there may be in all generations; those that are bred count where the user set a limit."""
        return self.max_agents or self.most_agents + self.generations * self.bred

    @field_validator("template", mode="before")
    @classmethod
    def _template_is_a_mix(cls, value: object) -> object:
        if isinstance(value, dict):
            value = [f"{name}:{weight}" for name, weight in value.items()]
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list | tuple) or not texts or not all(isinstance(one, str) for one in texts):
            raise ValueError("name a template, such as 'idea_agent' or 'idea_agent:3,critic_agent:1'")
        return parse_mix(texts)


def load_environ() -> dict[str, str]:
    """The environment over `.env`: where provider keys are looked up.

    Raises:
        UsageError: `.env` cannot be read.
    """
    try:
        values = dotenv_values(DOTENV, encoding="utf-8", interpolate=False)
    except UnicodeDecodeError:
        raise UsageError(f"{DOTENV} is not UTF-8 text: save it as UTF-8.") from None
    except OSError as error:
        raise UsageError(f"Cannot read {DOTENV}: {error.strerror or error}.") from None
    return {name: value for name, value in values.items() if value is not None} | dict(os.environ)


def _read_toml() -> dict[str, Any]:
    path = Path(TOML)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise UsageError(f"{TOML} is not UTF-8 text: save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{TOML} is not valid TOML: {clean(str(error), 200)}.") from None
    except OSError as error:
        raise UsageError(f"Cannot read {TOML}: {error.strerror or error}.") from None
    fields = {outside_name(field): field for field in SpawnSettings.model_fields}
    values: dict[str, Any] = {}
    for key, value in table.items():
        field = fields.get(key.replace("-", "_"))
        if field is None:
            near = difflib.get_close_matches(key, fields, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else f" It knows: {', '.join(sorted(fields))}."
            raise UsageError(f"{TOML} holds an unknown key {clean(key, 60)!r}.{hint}")
        if value != "":  # as an empty variable, it counts as not set
            values[ALIASES.get(field, field)] = value
    return values
