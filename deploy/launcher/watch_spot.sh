#!/bin/sh
# Wait for the notice that this AWS spot machine will end, then let its trials leave it.
set -eu
metadata=http://169.254.169.254/latest
while true; do
    token=$(curl -s -X PUT "$metadata/api/token" -H "X-aws-ec2-metadata-token-ttl-seconds: 60" || true)
    notice=$(curl -s -o /dev/null -w "%{http_code}" -H "X-aws-ec2-metadata-token: $token" \
        "$metadata/meta-data/spot/instance-action" || true)
    if [ "$notice" = 200 ]; then
        exec python3 /opt/hpo/deploy/leave_node.py --address "$RAY_HEAD_IP:6379" --seconds 100
    fi
    sleep 5
done
