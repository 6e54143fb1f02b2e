"""A terminal for tests, in memory."""

import io


class Screen(io.StringIO):
    def isatty(self):
        return True
