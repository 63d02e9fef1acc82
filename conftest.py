"""pytest's entry: loads the plugin that the suite shares with other projects. No logic."""

pytest_plugins = ["meshproof.pytest"]
