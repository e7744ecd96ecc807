"""Plays a run again from its recording, and compares the files that come of it with those of the run.

No model is asked, and nothing of the recording is trusted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from autogen_core.models import LLMMessage
from pydantic import ValidationError

from creator import __version__
from creator.agents.messages import Created
from creator.authors import checked
from creator.breeding.heritage import Heritage
from creator.choices import Choice
from creator.errors import EnvironmentFault, PolicyViolation, TerminalModelError, UsageError
from creator.files import digest, read_bounded
from creator.locks import RunLock
from creator.models.backend import Backend, Completion, Embeddings, Strategy, Usage
from creator.models.memory import Memory
from creator.outcome import RunOutcome
from creator.outputs import ONE_SHOT_IDEAS
from creator.progress import Progress
from creator.replaying.recorder import first_problem
from creator.replaying.recording import ChosenColleague, RecordedBirth, RecordedSettings, Recording
from creator.replaying.script import Script
from creator.settings import SpawnSettings
from creator.spawning import let_work
from creator.templates.finding import choose_templates, find_templates
from creator.templates.rendering import Template
from creator.text import clean
from creator.wishes import Fate, Wish
from creator.world import World

AT_ONCE: Final = 32
"""Agents that are written and started at once are twice as many."""
NO_ANSWER: Final = "the recording has no answer to this"
OF_THIS_MACHINE: Final = frozenset(
    {
        *(
            "output",
            "library",
            "templates",
            "sandbox",
            "isolation",
            "runtime",
            "unsafe",
            "base_image",
            "agents_per_cell",
        ),
        *("birth_deadline", "reply_deadline", "quiet", "json_output"),
    }
)
"""Settings that are those of whoever plays a run again; all others are the run's, or the usual ones."""
_FOLDERS: Final = (("agents", ".py"), ("ideas", ".md"), (ONE_SHOT_IDEAS, ".md"))


@dataclass(frozen=True)
class Replayed:
    """What came of playing a run again.

    Attributes:
        outcome: Of the new run.
        modules: How many modules are the same, byte for byte.
        ideas: How many files of ideas of the population are.
        one_shots: How many files of one-shot ideas are.
        differences: What is not, a line each.
    """

    outcome: RunOutcome
    modules: int
    ideas: int
    one_shots: int
    differences: list[str]


class ReplayBackend(Backend):
    """A model whose answers are all in a recording: whatever else it is asked, it has no answer.

    Args:
        name: The model's.
        strategy: How it gives structured answers.
        embeds: Whether the recording has embeddings of its server.
    """

    notice = "its answers are on record, and nobody is asked"
    max_concurrency = AT_ONCE

    def __init__(self, name: str, strategy: Strategy = "object", *, embeds: bool = False) -> None:
        self.name = name
        self.strategy = strategy
        self.embeds = embeds

    async def complete(
        self,
        messages: Sequence[LLMMessage],
        *,
        temperature: float,
        max_tokens: int,
        json_schema: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
        timeout: float = 60,
    ) -> Completion:
        """Nothing but an error."""
        raise TerminalModelError(NO_ANSWER)

    async def embed(self, texts: Sequence[str], *, model: str, timeout: float = 60) -> Embeddings:
        """Nothing but an error."""
        raise TerminalModelError(NO_ANSWER)

    async def check(self) -> None:
        """Nothing to check."""


def settings_of(recording: Recording, options: Mapping[str, Any], idea_schema: Path | None = None) -> SpawnSettings:
    """The settings of a run that is played again.

    Args:
        recording: Of the run.
        options: What is decided by whoever plays it: the fields of `OF_THIS_MACHINE`; None for one that was not given.
        idea_schema: A file with the recording's schema of ideas, when it has one.

    Raises:
        UsageError: They do not fit together.
    """
    given = {name: value for name, value in options.items() if value not in (None, ())}
    usual = {
        name: field.get_default(call_default_factory=True)
        for name, field in SpawnSettings.model_fields.items()
        if not field.is_required() and name not in OF_THIS_MACHINE
    }
    # As texts, as a user would write them: the settings look at all of it once more.
    own = {name: getattr(recording.settings, name) for name in RecordedSettings.model_fields}
    further = {"seed": recording.seed, "idea_schema": idea_schema, "judge_model": recording.judge_models, "yes": True}
    try:
        return SpawnSettings(**{**usual, **own, **further, **given})
    except ValidationError as error:
        raise UsageError(f"The run cannot be played again: {first_problem(error)}.") from None


def memory_of(recording: Recording) -> Memory:
    """Knows the answers of a recording, and which questions had none."""
    answers = {
        one.key: Completion(one.answer, Usage(one.prompt_tokens, one.completion_tokens), one.truncated)
        for one in recording.answers
    }

    def known(key: str) -> Completion | None:
        if key in answers:
            return answers[key]
        if key in recording.failures:
            raise TerminalModelError(clean(recording.failures[key]) or "there was no answer then")
        return None

    return Memory(known, counted=False)


def script_of(recording: Recording) -> Script:
    """What decides how a run goes that is played again."""
    names = {one.name for one in recording.births}
    choices: dict[tuple[str, str, str, int], Choice] = {
        (one.kind, one.agent, one.conversation, one.nth): one.chosen.model_dump(mode="json")
        for one in recording.choices
        # Nobody waits for an agent that is not born.
        if not isinstance(one.chosen, ChosenColleague) or one.chosen.name is None or one.chosen.name in names
    }

    def choice(kind: str, agent: str, conversation: str, nth: int) -> Choice | None:
        return choices.get((kind, agent, conversation, nth))

    return Script(
        run_id=recording.run_id,
        wishes=[_wish(one) for one in recording.births],
        choice=choice,
        pairs=recording.pairs,
        places=recording.places,
        one_shots=recording.one_shots,
    )


def _wish(birth: RecordedBirth) -> Wish:
    fate, draft = None, None
    if birth.fate is not None:
        fate = Fate(clean(birth.fate.reason, 500), birth.fate.written, birth.fate.lived)
    if birth.module is not None:
        try:
            source = checked(birth.module.source, birth.name)
            draft = Created(blueprint=birth.module.blueprint, source=source)
        except PolicyViolation as error:
            fate = Fate(f"the policy refuses its module: {clean(str(error), 300)}")
    heritage = None
    if birth.heritage is not None:
        heritage = Heritage(dict(birth.heritage.slots), tuple(birth.heritage.sources))
    return Wish(
        birth.number,
        birth.brief,
        birth.template,
        tuple(birth.parents),
        draft,
        birth.generation,
        birth.asked_by,
        heritage,
        tries=birth.attempt - 1,
        talks=max(0, birth.talk - 1),
        name=birth.name,
        feedback=birth.feedback,
        fate=fate,
    )


def _templates(recording: Recording, settings: SpawnSettings, say: Callable[[str], None]) -> dict[str, Template]:
    """The templates of the run's mix, in its order, and whatever else its agents are written from.

    Raises:
        UsageError: One is not here.
    """
    written = [one.template for one in recording.births if one.module is None]
    names = list(dict.fromkeys([*settings.template, *written]))
    there = find_templates(settings.templates)
    missing = next((name for name in settings.template if name not in there), None)
    if missing is not None:
        raise UsageError(
            f"The run was made from the template {missing!r}, which is not here: name its folder with --templates DIR."
        )
    return choose_templates({name: 1.0 for name in names if name in there}, settings.templates, say)


async def replay(
    recording: Recording, options: Mapping[str, Any], progress: Progress, *, signals: bool = False
) -> Replayed:
    """Play a run again, as a new run in the output folder.

    Args:
        recording: Of the run.
        options: See `settings_of`.
        progress: Told what happens as it happens.
        signals: Whether SIGINT and SIGTERM end it in order, as they do a run; in a main thread only.

    Raises:
        UsageError: The recording does not fit together, or needs a template that is not here.
        EnvironmentFault: Something that a run needs is missing, such as a sandbox that is strong enough.
    """
    with tempfile.TemporaryDirectory() as folder:
        schema = None
        if recording.idea_schema:
            schema = Path(folder) / "idea_schema.json"
            schema.write_text(recording.idea_schema, "utf-8")
        settings = settings_of(recording, options, schema)
        backend = ReplayBackend(recording.model, recording.strategy, embeds=settings.embeddings is not None)
        known: dict[str, Backend] = {recording.model: backend}
        for name in recording.judge_models:
            known.setdefault(name, ReplayBackend(name))
        world = World(
            settings,
            progress,
            backend,
            _templates(recording, settings, progress.say),
            judges=[known[name] for name in recording.judge_models],
            script=script_of(recording),
            memory=memory_of(recording),
            price_of=lambda model: None,
        )
        with RunLock(world.directory):
            outcome = await let_work(world, progress, signals=signals)
    return compared(recording, outcome)


def compared(recording: Recording, outcome: RunOutcome) -> Replayed:
    """What of a run's files is as the recording says.

    Args:
        recording: Of the run that was played again.
        outcome: What came of that.
    """
    found = dict(_files(outcome.directory))
    same = [path for path, sha256 in recording.files.items() if found.get(path) == sha256]
    reasons = {f"agents/{agent.name}.py": agent.reason for agent in outcome.failed}
    differences = []
    for path in [*recording.files, *(path for path in found if path not in recording.files)]:
        reason = f": {clean(reasons[path], 300)}" if reasons.get(path) else ""
        if path not in found:
            differences.append(f"{path} is missing{reason}")
        elif path not in recording.files:
            differences.append(f"{path} is new: the run had none of this name")
        elif found[path] != recording.files[path]:
            differences.append(f"{path} is another one")
    if differences and recording.release != __version__:
        differences.append(f"the run was made by release {clean(recording.release, 40)}, and this is {__version__}")
    one_shots = sum(path.startswith(f"{ONE_SHOT_IDEAS}/") for path in same)
    modules = sum(path.startswith("agents/") for path in same)
    return Replayed(outcome, modules, len(same) - modules - one_shots, one_shots, differences)


def _files(directory: Path) -> Iterator[tuple[str, str]]:
    """The modules and ideas of a run, each with its digest."""
    for folder, ending in _FOLDERS:
        for path in sorted((directory / folder).glob(f"[!.]*{ending}")):
            try:
                yield f"{folder}/{path.name}", digest(read_bounded(path, follow=False))
            except (OSError, ValueError) as error:
                raise EnvironmentFault(f"{str(path)!r} cannot be read: {error}") from None
