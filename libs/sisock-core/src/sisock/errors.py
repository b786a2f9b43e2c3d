"""Every error that sisock raises on purpose, in one narrow hierarchy."""


class SisockError(Exception):
    """Base of all errors of sisock: the message is a sentence for a person."""


class ConfigError(SisockError):
    """A setting is missing or wrong: the message names every variable at fault."""


class ContractError(SisockError):
    """What a data node handed back, or a peer sent, breaks the contract."""


class RefusedError(SisockError):
    """The router or the hub refused this session: another try needs somebody's help."""


class TooMuchDataError(SisockError):
    """More data than the node is willing to send; travels as ``False``."""


class NodeError(SisockError):
    """A data node did not give a usable answer."""


class NodeAwayError(NodeError):
    """The data node, or the router before it, is not there."""


class DeadlineError(NodeError):
    """The data node did not answer in time."""
