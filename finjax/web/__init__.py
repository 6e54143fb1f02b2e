"""The live page: signals, decisions and controls in a browser, and a target game to measure control.

Decisions never wait for the page. `page.LivePage` lives in the process that decodes; the web server is a process of
its own (`server`) that gets samples and decisions over a channel that never blocks (`channel`).
"""
