"""Members of zip archives, which may be from a stranger: read in memory, and never more than was promised."""

import zipfile

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # of the others, Python cannot bound what they unpack to


def read_member(archive: zipfile.ZipFile, member: str | zipfile.ZipInfo, *, limit: int) -> bytes:
    """Returns a member's bytes; its name, whatever path it gives, is not used to write anything.

    Args:
        archive: the archive.
        member: its name, or its entry.
        limit: bytes that it may unpack to.

    Raises:
        BadZipFile: it is larger, by what the archive says or by what there is, or it is damaged.
        KeyError: the archive does not hold it.
    """
    info = archive.getinfo(member) if isinstance(member, str) else member
    if info.file_size > limit:
        raise zipfile.BadZipFile(f"{info.filename} would unpack to {info.file_size} bytes; at most {limit} are taken")
    if info.compress_type not in METHODS:
        raise zipfile.BadZipFile(f"{info.filename} is packed by method {info.compress_type}; only deflate is read")
    with archive.open(info) as file:
        # A bound makes zipfile stop unpacking there; without one, it unpacks all there is before it looks at the size.
        return file.read(info.file_size + 1)
