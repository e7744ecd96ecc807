"""What a generated module may import, call and name. Everything that is not listed is refused."""

from __future__ import annotations

import math
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODULES: Final[dict[str, frozenset[str]]] = {
    "__future__": _words("annotations"),
    "asyncio": _words(
        "CancelledError Event Lock Queue QueueEmpty QueueFull Semaphore TaskGroup TimeoutError gather sleep "
        "timeout wait_for"
    ),
    "autogen_agentchat.agents": _words("AssistantAgent"),
    "autogen_agentchat.base": _words("Response TaskResult"),
    "autogen_agentchat.messages": _words("BaseAgentEvent BaseChatMessage BaseMessage StructuredMessage TextMessage"),
    "autogen_core": _words("AgentId CancellationToken MessageContext RoutedAgent TopicId event message_handler rpc"),
    "dataclasses": _words("KW_ONLY asdict astuple dataclass field replace"),
    "enum": _words("Enum Flag IntEnum IntFlag StrEnum auto unique"),
    "json": _words("JSONDecodeError dumps loads"),
    "math": frozenset(name for name in vars(math) if not name.startswith("_")),
    "pydantic": _words("BaseModel ConfigDict Field ValidationError field_validator model_validator"),
    "random": _words("Random choice choices gauss randint random randrange sample shuffle triangular uniform"),
    "re": _words(
        "ASCII DOTALL IGNORECASE MULTILINE Match Pattern VERBOSE compile escape findall finditer fullmatch "
        "match search split sub subn"
    ),
    "sandbox": _words("kit"),
    "sandbox.kit": _words(
        "Colleague Hello Idea Introduction MessagingError Opinion OpinionRequest Proposal ProposeRequest RefineRequest "
        "Refinement Text answer_task ask_for_colleague ask_opinion chance create_colleague critique_task develop "
        "find_colleague find_recipient idea_from merge_task model_client opinion_task pass_on proposal_task "
        "question_task refinement_task share structure text_from"
    ),
    "statistics": _words(
        "StatisticsError fmean geometric_mean harmonic_mean mean median median_high median_low mode "
        "multimode pstdev pvariance quantiles stdev variance"
    ),
    "typing": _words(
        "Annotated Any ClassVar Final Generic Literal NamedTuple Never NoReturn Optional Protocol Self "
        "TypeAlias TypedDict Union assert_never cast final overload"
    ),
}
"""By module: the names that may be imported from it or used on it. ``sandbox.kit`` has the kit's ``__all__``."""

BUILTINS: Final = _words(
    "ArithmeticError AssertionError AttributeError ConnectionError Exception ExceptionGroup False "
    "IndexError KeyError LookupError None NotImplemented NotImplementedError OverflowError RuntimeError "
    "StopAsyncIteration StopIteration TimeoutError True TypeError UnicodeError ValueError Warning "
    "ZeroDivisionError abs aiter all anext any ascii bin bool bytes callable chr classmethod complex "
    "delattr dict divmod enumerate filter float format frozenset getattr hasattr hash hex int isinstance "
    "issubclass iter len list map max min next object oct ord pow print property range repr reversed round "
    "set setattr slice sorted staticmethod str sum super tuple type zip"
)
"""Builtins that may be named. Of some only the simple forms may be used (CALL001, CALL002)."""

OUTSIDE_BUILTINS: Final = _words(
    "breakpoint compile copyright credits dir eval exec execfile exit file globals help input license "
    "locals memoryview open quit raw_input reload vars"
)
"""Refused under any interpreter, whether or not this one has them."""

PROCESS_ENDING: Final = _words("BaseException BaseExceptionGroup GeneratorExit KeyboardInterrupt SystemExit")
"""Exceptions that would end a cell, or hide that it is being ended."""

LITERAL_NAME_CALLS: Final = _words("delattr getattr hasattr setattr")
"""Builtins that reach an attribute by a text."""

DUNDER_ATTRIBUTES: Final = _words("__doc__ __name__")
"""Dunder attributes that may be read; ``super().__init__`` and ``super().__post_init__`` may be called as well."""

DUNDER_METHODS: Final = _words(
    "__add__ __aenter__ __aexit__ __bool__ __contains__ __enter__ __eq__ __exit__ __ge__ __gt__ __hash__ "
    "__init__ __iter__ __le__ __len__ __lt__ __mul__ __ne__ __next__ __post_init__ __repr__ __str__ __sub__"
)
"""Dunder methods that a class may define."""

INHERITED_PRIVATE: Final = _words("_description _handlers _id _runtime _subscriptions _unbound_subscriptions_list")
"""Private attributes of AutoGen's agents; a module's own private attributes need other names."""

UNSAFE_ATTRIBUTES: Final = _words(
    # frames, code objects and tracebacks
    "f_back f_builtins f_code f_globals f_locals f_trace tb_frame tb_next gi_code gi_frame gi_yieldfrom cr_await "
    "cr_code cr_frame cr_origin ag_await ag_code ag_frame func_code func_globals co_code co_consts co_names mro "
    "get_context get_coro get_stack print_stack "
    # event loops, processes and the network
    "get_loop run_in_executor subprocess_exec subprocess_shell create_connection create_datagram_endpoint "
    "create_server create_unix_connection create_unix_server connect_read_pipe connect_write_pipe "
    "call_soon_threadsafe add_signal_handler set_exception_handler set_default_executor "
    # the runtime behind an agent, and components that import what they name
    "runtime bind_id_and_runtime register register_instance register_factory load_component load_component_class "
    "component_provider_override "
    # serialisers that import, unpickle or read files
    "parse_file parse_raw model_rebuild update_forward_refs from_orm format_map "
    # the fields of pydantic's models hold types that can be called
    "model_computed_fields model_fields"
)
"""Attributes that are refused on any object."""

IMPORT_TIME_CALLS: Final = _words(
    "builtins.float builtins.frozenset builtins.tuple dataclasses.field enum.auto pydantic.ConfigDict "
    "pydantic.Field re.compile"
)
"""What may be called at import time, with constant arguments."""

DECORATORS: Final = _words(
    "autogen_core.event autogen_core.message_handler autogen_core.rpc builtins.classmethod "
    "builtins.property builtins.staticmethod dataclasses.dataclass enum.unique pydantic.field_validator "
    "pydantic.model_validator typing.final typing.overload"
)
"""The decorators that may be used."""

HANDLER_DECORATORS: Final = _words("autogen_core.event autogen_core.message_handler autogen_core.rpc")
"""Those that make a method a message handler."""
