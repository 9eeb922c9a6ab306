#!/usr/bin/env bash
# Runs a broker of messages on loopback until it is told to end, for the tests of both packages:
#   run.sh kafka PORT FOLDER      one broker that is its own controller; jars in $KAFKA_LIBRARIES
#   run.sh rabbitmq PORT FOLDER   one node
# What it needs is installed by `scripts/need.sh messaging`.
set -euo pipefail
port=$2 folder=$3

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

run_kafka() {
    local controller java
    controller=127.0.0.1:$(free_port)
    java=(java -Xmx512m -cp "${KAFKA_LIBRARIES:?is the folder with the jars of Kafka}/*")
    cat > "$folder/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://$controller
log.dirs=$folder/data
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
group.initial.rebalance.delay.ms=0
PROPERTIES
    "${java[@]}" kafka.tools.StorageTool format \
        --cluster-id 4L6g3nShT-eMCtK--X86sw --config "$folder/server.properties"
    exec "${java[@]}" kafka.Kafka "$folder/server.properties"
}

run_rabbitmq() {
    export HOME=$folder # where the cookie of Erlang is kept
    export RABBITMQ_NODENAME=tests@localhost
    export RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=$port
    RABBITMQ_DIST_PORT=$(free_port) ERL_EPMD_PORT=$(free_port)
    export RABBITMQ_DIST_PORT ERL_EPMD_PORT ERL_EPMD_ADDRESS=127.0.0.1
    export RABBITMQ_MNESIA_BASE=$folder/data RABBITMQ_LOG_BASE=$folder/log
    export RABBITMQ_PID_FILE=$folder/pid RABBITMQ_ENABLED_PLUGINS_FILE=$folder/plugins
    # The port mapper of Erlang outlives the node that started it.
    trap 'kill $server; wait $server; epmd -port $ERL_EPMD_PORT -kill' TERM
    /usr/lib/rabbitmq/bin/rabbitmq-server &
    server=$!
    wait $server
}

"run_$1"
