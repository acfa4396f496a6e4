"""How processes log: one line an event, readable at 3 a.m. or JSON for a collector."""

import logging
import sys

import structlog

from firebreak.errors import FirebreakError
from firebreak.settings import Settings


class _Brief(logging.Filter):
    """An activity that is tried again says why in one line; only a bug needs its traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log it: always."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and isinstance(error.__cause__, FirebreakError):
            record.exc_info = None
            record.msg, record.args = f"{record.getMessage()}: {error}", ()
        return True


def configure(settings: Settings) -> None:
    """Send structlog and the standard library's loggers to standard error in one shape."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    handler.addFilter(_Brief())
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    # httpcore's DEBUG lines hold response headers, and with them session cookies.
    for noisy in ("httpx", "httpcore", "paramiko", "netmiko", "uvicorn.access", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[settings.log_level]
        ),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
