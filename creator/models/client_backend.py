"""A backend on any of AutoGen's model clients."""

from __future__ import annotations

import asyncio
import itertools
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from autogen_core.models import ChatCompletionClient, LLMMessage, SystemMessage, UserMessage
from pydantic import ValidationError

from creator.errors import AccessRefused, EnvironmentFault, ModelError, RetryableModelError, TerminalModelError
from creator.masking import Mask
from creator.models.backend import Backend, Completion, Embeddings, Usage
from creator.models.faults import Unsupported, translated
from creator.models.replies import expecting, listen

if TYPE_CHECKING:
    from openai import AsyncOpenAI

CHECK_TRIES: Final = 6
CHECK_SECONDS: Final = 30.0
ERROR_CHARACTERS: Final = 300
MAX_DIMENSIONS: Final = 16_384
"""Of the vector of a text."""
MAX_TOLD_TOKENS: Final = 10_000_000
"""Of one call. What a server tells counts, also when it is more than was asked for; nonsense does not."""


class ClientBackend(Backend):
    """Calls a model through an AutoGen client.

    Args:
        name: The model's spec, for records and messages.
        notice: What the user should know of it.
        make_client: Makes the client; called once, when the backend is opened, because the providers' packages
            take long to import.
        secrets: Texts that must not appear in any error or answer, such as keys.
        structured: How the server is told of a schema: ``response_format`` (OpenAI and compatible), ``format``
            (Ollama), or not at all, in the prompt alone.
        max_concurrency: How many calls may be under way at once.
        make_embedder: Makes the client that embeds texts, at first use; None where the server cannot.
    """

    def __init__(
        self,
        name: str,
        notice: str,
        make_client: Callable[[], ChatCompletionClient],
        *,
        secrets: Sequence[str] = (),
        structured: str = "",
        max_concurrency: int = 32,
        make_embedder: Callable[[], AsyncOpenAI] | None = None,
    ) -> None:
        self.name = name
        self.notice = notice
        self.max_concurrency = max_concurrency
        self._make_client = make_client
        self._mask = Mask(secrets)
        self._structured = structured
        self._limit = "options" if structured == "format" else "max_tokens"
        self._fixed_temperature = False
        self._client: ChatCompletionClient | None = None
        self.embeds = make_embedder is not None
        self._make_embedder = make_embedder
        self._embedder: AsyncOpenAI | None = None
        self._making_embedder = asyncio.Lock()

    async def __aenter__(self) -> ClientBackend:
        try:
            # In a thread: importing a provider's package takes most of a second, and others have work meanwhile.
            self._client = await asyncio.to_thread(self._make_client)
        except ImportError as error:
            raise EnvironmentFault(f"the model {self.name!r} needs a package that is missing: {error}") from error
        except Exception as error:
            # Each provider's package has exceptions of its own. None is chained: they quote the configuration.
            raise EnvironmentFault(f"the model {self.name!r} cannot be set up: {self._safe(error)}") from None
        listen(getattr(self._client, "_client", None))
        # A server may name its model otherwise than it was asked for. Not around each call: the filters are the
        # process's, and calls that overlap would restore each other's.
        warnings.filterwarnings("ignore", category=UserWarning, module=re.escape(__name__))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._client is not None:
            await self._client.close()
            inner = getattr(self._client, "_client", None)
            if inner is not None and type(inner).__module__.startswith("ollama"):
                await inner.close()  # AutoGen's client for Ollama leaves its connections open
            self._client = None
        if self._embedder is not None:
            await self._embedder.close()
            self._embedder = None

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
        """One attempt; what a server says it does not support is left out from then on."""
        while True:
            arguments = self._arguments(temperature, max_tokens, json_schema, extra)
            try:
                return await self._attempt(messages, arguments, timeout)
            except Unsupported as unsupported:
                if not self._adapt(unsupported.text, arguments):
                    raise TerminalModelError(unsupported.text) from None

    def _arguments(
        self,
        temperature: float,
        max_tokens: int,
        json_schema: Mapping[str, Any] | None,
        extra: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        if self._limit == "options":
            arguments: dict[str, Any] = {"options": {"temperature": temperature, "num_predict": max_tokens}}
        else:
            arguments = {self._limit: max_tokens}
            if not self._fixed_temperature:
                arguments["temperature"] = temperature
        if json_schema is not None and self._structured == "response_format":
            arguments["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": str(json_schema.get("title", "answer")), "schema": dict(json_schema)},
            }
        elif json_schema is not None and self._structured == "format":
            arguments["format"] = dict(json_schema)
        if extra:
            arguments["extra_body"] = dict(extra)
        return arguments

    def _adapt(self, text: str, sent: Mapping[str, Any]) -> bool:
        """Leave out what the server refused of what was sent; False when there is nothing to leave out.

        What was sent decides, not what we know by now: of calls under way together each has to learn it.
        """
        lowered = text.lower()
        if "max_tokens" in lowered and "max_tokens" in sent and "max_completion_tokens" in lowered:
            self._limit = "max_completion_tokens"
        elif "temperature" in lowered and "temperature" in sent:
            self._fixed_temperature = True
        elif ("response_format" in sent or "format" in sent) and any(
            word in lowered for word in ("response_format", "json_schema", "schema")
        ):
            self._structured = ""
        else:
            return False
        return True

    async def _attempt(
        self, messages: Sequence[LLMMessage], arguments: Mapping[str, Any], timeout: float
    ) -> Completion:
        assert self._client is not None, "the backend is not open"
        with expecting(self._mask.error) as reply:
            try:
                async with asyncio.timeout(timeout):
                    result = await self._client.create(list(messages), extra_create_args=arguments)
            except TimeoutError:
                raise RetryableModelError(f"no answer within {timeout:g} s", may_have_cost=True) from None
            except Exception as error:
                # A provider may quote the key, and a traceback shows causes.
                raise translated(error, self._safe(error), reply) from None
        if not isinstance(result.content, str):
            raise TerminalModelError("the model answered with a tool call, which nobody offered", may_have_cost=True)
        # An answer that is there and ended as usual is no refusal: only others are looked at more closely.
        unusual = not result.content.strip() or result.finish_reason not in ("stop", "length")
        return Completion(
            text=self._mask.answer(result.content),  # a server that sends headers back would put the key on record
            usage=Usage(_told(result.usage.prompt_tokens), _told(result.usage.completion_tokens)),
            truncated=result.finish_reason == "length",
            refusal=reply.refusal if unusual else "",
        )

    async def embed(self, texts: Sequence[str], *, model: str, timeout: float = 60) -> Embeddings:
        """One attempt, in the protocol of OpenAI."""
        if self._make_embedder is None:
            return await super().embed(texts, model=model, timeout=timeout)
        with expecting(self._mask.error) as reply:
            try:
                async with asyncio.timeout(timeout):
                    async with self._making_embedder:
                        if self._embedder is None:  # in a thread, as importing the package takes long
                            self._embedder = await asyncio.to_thread(self._make_embedder)
                            listen(self._embedder)
                    answer = await self._embedder.embeddings.create(
                        model=model, input=list(texts), encoding_format="float"
                    )
            except TimeoutError:
                raise RetryableModelError(f"no answer within {timeout:g} s", may_have_cost=True) from None
            except Exception as error:
                failure = translated(error, self._safe(error), reply)
                raise (TerminalModelError(failure.text) if isinstance(failure, Unsupported) else failure) from None
        vectors, tokens = _vectors(answer)
        lengths = {len(vector) for vector in vectors}
        if len(vectors) != len(texts) or len(lengths) != 1 or not 1 <= lengths.pop() <= MAX_DIMENSIONS:
            text = "the answer does not hold one vector for each text"
            raise TerminalModelError(text, may_have_cost=True)
        return Embeddings(vectors, Usage(tokens, 0))

    def _safe(self, error: BaseException) -> str:
        """An exception's text in one bounded line without secrets."""
        text = str(error)
        if isinstance(error, ValidationError):  # its own text quotes the values, cut where no secret is recognised
            problems = error.errors(include_url=False, include_context=False, include_input=False)
            text = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problems)
        return " ".join(self._mask.error(text).split())[:ERROR_CHARACTERS]

    async def check(self) -> None:
        """Ask for one short completion, which is the only question that every server understands."""
        messages: list[LLMMessage] = [SystemMessage(content="Answer with one word.")]
        messages.append(UserMessage(content="Say yes.", source="user"))
        last: ModelError | None = None
        for attempt in range(CHECK_TRIES):
            try:
                await self.complete(messages, temperature=0, max_tokens=16, timeout=CHECK_SECONDS)
            except RetryableModelError as error:
                last = error
                if not str(error).startswith("HTTP "):
                    break  # no server there, or one that does not answer: more tries only cost time
                await asyncio.sleep(min(error.retry_after or 0.2 * 2**attempt, 10))
            except TerminalModelError as error:
                last = error
                break
            else:
                return
        text = str(last).rstrip(".")
        raise EnvironmentFault(f"the model {self.name!r} does not answer: {text}. {_advice(last)}")


def _advice(error: ModelError | None) -> str:
    text = str(error)
    if isinstance(error, AccessRefused):
        return "Check the key in the environment, and what the account may spend."
    if "HTTP 404" in text:
        return "Check the model's name."
    if text.startswith("HTTP "):
        return "Try again later, or choose another --model."
    return "Check that the server runs and that --base-url is right."


def _told(tokens: object) -> int:
    """How many tokens a server says that it read or wrote."""
    return min(max(tokens, 0), MAX_TOLD_TOKENS) if isinstance(tokens, int) else 0


def _vectors(answer: Any) -> tuple[list[list[float]], int]:
    """The vectors of an answer in the order of the texts, and the tokens read; no vectors when it has another form."""
    try:
        in_order = sorted(answer.data, key=lambda one: int(one.index))
        vectors = [[float(number) for number in one.embedding] for one in in_order]
        tokens = _told(answer.usage.prompt_tokens) if answer.usage is not None else 0
    except (AttributeError, TypeError, ValueError, OverflowError):
        return [], 0
    finite = all(map(math.isfinite, itertools.chain.from_iterable(vectors)))
    return (vectors if finite else []), tokens


def model_info() -> Any:
    """What we need of a model, for names that AutoGen does not know: text, and nothing that it would check."""
    from autogen_core.models import ModelFamily, ModelInfo

    return ModelInfo(
        vision=False,
        function_calling=False,
        json_output=True,
        structured_output=True,
        multiple_system_messages=False,
        family=ModelFamily.UNKNOWN,
    )


def openai_client(name: str, key: str, base_url: str | None) -> ChatCompletionClient:
    """AutoGen's client for OpenAI and whatever speaks its protocol; it tries once, retries are `ModelCalls`'."""
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    options: dict[str, Any] = {} if base_url is None else {"base_url": base_url}
    return OpenAIChatCompletionClient(
        model=name, api_key=key, max_retries=0, model_info=model_info(), include_name_in_message=False, **options
    )


def openai_embedder(key: str, base_url: str | None) -> AsyncOpenAI:
    """The client for embeddings of OpenAI and whatever speaks its protocol; retries are `ModelCalls`'."""
    from openai import AsyncOpenAI

    return AsyncOpenAI(api_key=key, base_url=base_url, max_retries=0)
