"""The plug-in that runs pytest inside of pytest, for the tests of our own plug-in."""

pytest_plugins = ["pytester"]
