"""Reads members of zip archives that may be malicious: in memory, and never more bytes than the archive declares."""

import zipfile

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # Python cannot limit the size of the output of other methods


def read_member(archive: zipfile.ZipFile, member: str | zipfile.ZipInfo, *, limit: int) -> bytes:
    """Returns a member's bytes. Nothing is written to disk, whatever path the member's name gives.

    Args:
        archive: the archive.
        member: the name or the entry of the member.
        limit: most bytes that it may unpack to.

    Raises:
        BadZipFile: it is larger than `limit` or than the archive declares, or it is damaged.
        KeyError: the archive has no such member.
    """
    info = archive.getinfo(member) if isinstance(member, str) else member
    if info.file_size > limit:
        raise zipfile.BadZipFile(f"{info.filename} would unpack to {info.file_size} bytes; the limit is {limit}")
    if info.compress_type not in METHODS:
        raise zipfile.BadZipFile(
            f"{info.filename} uses compression method {info.compress_type}; finjax reads only deflate"
        )
    with archive.open(info) as file:
        # With a size, zipfile stops unpacking there; without one, it unpacks everything before it checks the size.
        return file.read(info.file_size + 1)
