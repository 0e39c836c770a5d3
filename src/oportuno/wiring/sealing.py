"""Where the keys lie by which secrets in the database are sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oportuno.kit.faults import Conflict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oportuno.adapters.sealing import Sealer
    from oportuno.settings import Settings


def sealer_of(settings: Settings, *, make: bool = True) -> Sealer:
    """Give what seals and opens. Nothing is read, and no key made, before the first secret asks for it; without `make`, never."""
    from oportuno.adapters.sealing import KEY_FILE, Sealer, keys_in, read_keys

    def read() -> Sequence[bytes]:
        given = settings.sealing_key.get_secret_value()
        if given:
            return read_keys(given)
        if settings.sealing_key_file is not None:
            return keys_in(settings.sealing_key_file, make=False)
        return keys_in(settings.data_dir / KEY_FILE, make=make)

    return Sealer(read)


async def reseal(settings: Settings, *, new_key: bool) -> dict[str, int]:
    """Seal every secret with the key that seals now, and say how many of which table were changed.

    `new_key` puts a new key before the others of the file first. Raises Conflict where the key is a setting, BadInput, Unavailable.
    """
    from oportuno.adapters.postgres.database import connect
    from oportuno.adapters.postgres.resealing import reseal_all
    from oportuno.adapters.sealing import KEY_FILE, add_key
    from oportuno.wiring import database_url

    if new_key:
        if settings.sealing_key.get_secret_value():
            raise Conflict("sealing_key_is_set", "the key is a setting: put the new one before the old one there yourself")
        add_key(settings.sealing_key_file or settings.data_dir / KEY_FILE)
    connection = await connect(database_url(settings), name="resealing")
    try:
        return await reseal_all(connection, sealer_of(settings))
    finally:
        await connection.close()
