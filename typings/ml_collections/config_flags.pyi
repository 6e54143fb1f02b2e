from typing import Any

from absl.flags import FlagHolder

def DEFINE_config_file(
    name: str, default: str | None = ..., help_string: str = ..., *, lock_config: bool = ..., **kwargs: Any
) -> FlagHolder[Any]: ...
def get_config_filename(config_flag: Any) -> str: ...
