#!/usr/bin/env bash
# Checks what must be on the machine, installs what Debian has, and says what it did or what is left
# to do. Usage: need.sh build PYTHON, before anything can be built; need.sh browser, before the pages
# can be tested; need.sh example, before the services of the example can start; need.sh messaging
# FOLDER, before messages can be tested over RabbitMQ and Kafka, whose jars go to the folder.
set -euo pipefail

fail() { echo "setup: $1" >&2; exit 1; }

install() { # install COMMAND PACKAGE...: with apt-get, where that is possible
    command -v "$1" >/dev/null && return
    command -v apt-get >/dev/null || fail "$1 is needed; install it and run make again"
    local sudo=""
    [ "$(id -u)" = 0 ] || sudo="sudo"
    echo "setup: installing the system packages ${*:2} ($1 is missing)"
    $sudo apt-get update -qq && $sudo apt-get install -y -qq "${@:2}" >/dev/null
}

need_build() { # need_build PYTHON
    install cc gcc libc6-dev
    install "$1" python3 python3-venv
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$1 is $("$1" --version 2>&1); Python 3.11 or newer is needed: make PYTHON=python3.12"
    "$1" -c 'import venv, ensurepip' 2>/dev/null || install no-such-command python3-venv
    command -v cargo >/dev/null ||
        fail "cargo is needed to build the native module; install Rust 1.88 or newer with rustup"
}

need_browser() {
    [ -n "${CHROMIUM:-}" ] || install chromium chromium
}

need_example() {
    # Debian keeps the programs of PostgreSQL out of the path.
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || install initdb postgresql
    install redis-server redis-server
}

need_messaging() { # need_messaging FOLDER
    install rabbitmq-server rabbitmq-server
    install java default-jre-headless
    install mvn maven
    echo "setup: fetching Kafka into $1"
    mvn --quiet --batch-mode --file instrumentation/brokers/pom.xml \
        dependency:copy-dependencies -DoutputDirectory="$1"
}

"need_$1" "${@:2}"
