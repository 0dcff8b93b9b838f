#!/bin/bash
# The rules of windlass check against a real API server: the table of built-in
# kinds is what it serves, names and data are judged as it judges them.
# It starts a cluster of its own: definitions of other tests would be served.
. "$(dirname "$0")/lib.sh"

for program in jq curl python3; do
	command -v "$program" >/dev/null || skip_all "no $program"
done
cluster=$TOP/contrib/cluster/cluster
# the built programs are in the user's own cache
at_home() {
	HOME=$(getent passwd "$(id -u)" | cut -d: -f6) XDG_CONFIG_HOME='' "$@"
}
at_exit "'$cluster' down --kill --dir '$TRASH/cluster'"
at_home "$cluster" up --dir "$TRASH/cluster" --no-kwok >cluster.log 2>&1 ||
	{ test_show cluster.log; bail "no cluster"; }

at_home "$TOP/contrib/cluster/kinds" --dir "$TRASH/cluster" >kinds.inc
is "$(diff kinds.inc "$TOP/schema/kinds.inc")" "" \
	"schema/kinds.inc is what a default API server serves"

# One file for each kind and odd name, and the server's word on each name.
kubeconfig=$(at_home "$cluster" kubeconfig --token --dir "$TRASH/cluster")
cat >server.py <<'END'
# dry_run(path, body): the server's word on an object, status and answer
import base64, http.client, json, re, ssl, sys, urllib.parse

config = open(sys.argv[1]).read()
def setting(name):
    return re.search(name + r": (\S+)", config).group(1)
authority = base64.b64decode(setting("certificate-authority-data")).decode()
url = urllib.parse.urlparse(setting("server"))
server = http.client.HTTPSConnection(
    url.hostname, url.port, context=ssl.create_default_context(cadata=authority))
headers = {"Authorization": "Bearer " + setting("token"),
           "Content-Type": "application/apply-patch+yaml"}

def dry_run(path, body):
    server.request("PATCH", path + "?fieldManager=t&force=true&dryRun=All"
                   "&fieldValidation=Strict", body, headers)
    answer = server.getresponse()
    return answer.status, json.loads(answer.read())
END
export PYTHONPATH=$TRASH PYTHONDONTWRITEBYTECODE=1
mkdir names
python3 - "$kubeconfig" kinds.inc names <<'END' >server
import json, re, sys, urllib.parse
from server import dry_run

kinds = re.findall(
    r'KIND\("(.*?)", "(.*?)",\s+"(.*?)", "(\S+?)[ "].*?\n\s+SCOPE_(\w+), true\)',
    open(sys.argv[2]).read())
names = ["a", "1a", "a.b", "1.2", "A", "a_b", "a:b", "a b", "a" * 52,
         "a" * 53, "a" * 63, "a" * 64, "a" * 245, "a" * 254, ".a", "a.", "a*",
         "::1", "10.0.0.1", "0::1", "-a", "a-", "\u00e4"]
i = 0
for group, kind, plural, version, scope in kinds:
    api = group + "/" + version if group else version
    path = "/apis/" + api if group else "/api/" + version
    meta = {}
    if scope == "NAMESPACED":
        path += "/namespaces/default"
        meta["namespace"] = "default"
    for name in names:
        meta["name"] = name
        body = json.dumps({"apiVersion": api, "kind": kind, "metadata": meta})
        code, status = dry_run(
            f"{path}/{plural}/" + urllib.parse.quote(name, safe=""), body)
        causes = (status.get("details") or {}).get("causes") or []
        bad = code >= 400 and any(
            c.get("field") == "metadata.name" for c in causes)
        if code >= 400 and code != 422:
            sys.exit(f"{kind} {name}: {status.get('message')}")
        file = f"names/{i:05}.json"
        open(file, "w").write(body)
        print(file, "bad" if bad else "good", kind, name.replace(" ", "_"),
              sep="\t")
        i += 1
END
is "$?" 0 "the server was asked about every kind"
ok "for $(wc -l <server) names" [ "$(wc -l <server)" -gt 1000 ]

# some at a time: at so many problems the rest is only counted
find names -name '*.json' | sort |
	xargs -n 300 windlass check --allow-secrets --output json >ours
# what a bundle cannot hold is ours to refuse
jq -r '.problems[] | select(.rule == "name-malformed") |
	"\(.path)\t\(if .message | test("bundle") then "bundle" else "bad" end)"' \
	ours | sort -u >refused
unlike "$(jq -r '.problems[].rule' ours | sort -u)" 'scope|namespace|version' \
	"no other rule has anything to say of them"
join -t $'\t' -a 1 -e good -o 1.2,2.2,1.3,1.4 <(sort server) refused >both
is "$(awk -F'\t' '$1 == "good" && $2 == "bad"' both)" "" \
	"we refuse no name that the server takes"
is "$(awk -F'\t' '$1 == "bad" && $2 == "good" { print $3 }' both | sort -u)" \
	"APIService
CustomResourceDefinition" \
	"and take none that it refuses, but where the name follows from the spec"
ok "both refuse some" grep -qP '^bad\tbad' both

# ---- data of Secrets and ConfigMaps: the same verdict in each case

mkdir data
python3 - "$kubeconfig" data <<'END' >server
import base64, json, sys
from server import dry_run

number = 0
def ask(kind, **fields):
    global number
    body = json.dumps({"apiVersion": "v1", "kind": kind, "metadata": {
        "name": "x", "namespace": "default"}, **fields})
    code, status = dry_run(f"/api/v1/namespaces/default/{kind.lower()}s/x", body)
    file = f"{sys.argv[2]}/{number:05}.json"
    open(file, "w").write(body)
    print(file, "bad" if code >= 400 else "good",
          f"{kind} {fields}"[:60], sep="\t")
    number += 1

texts = ["aGk=", "aGl=", "aGk", "aG\nk=", "aGk\r\n=\n", "aGk= ", " aGk=",
         "aGk==", "====", "=", "a===", "", "aA==", "aB==", "aA=\n=", "aGkh\n",
         "a-_b", "aA==aA==", "YQ=a", "ab=c", "aGkh=", "aGkha", "\u00e9aaa"]
others = [None, 5, 1.5, True, ["aGk="], {"a": "b"}]
keys = ["a", "", "A_b.c-d", ".", "..", "...", "..a", "a/b", "a b", "\u00e9",
        "a" * 253, "a" * 254, "-", ".a"]
mib = 1024 * 1024
fields = [("Secret", "data"), ("Secret", "stringData"), ("ConfigMap", "data"),
          ("ConfigMap", "binaryData")]
for kind, field in fields:
    for value in texts + others:
        ask(kind, **{field: {"k": value}})
    for key in keys:
        ask(kind, **{field: {key: ""}})
    for whole in [None, {}, [], "x", "", 5]:
        ask(kind, **{field: whole})
    for size in mib, mib + 1:
        value = "x" * size
        if field == "binaryData" or (kind, field) == ("Secret", "data"):
            value = base64.b64encode(value.encode()).decode()
        ask(kind, **{field: {"k": value}})
ask("ConfigMap", data={"k": ""}, binaryData={"k": ""})
ask("ConfigMap", data={"k": "x" * (mib - 1)}, binaryData={"b": "aA=="})
ask("ConfigMap", data={"k": "x" * mib}, binaryData={"b": "aA=="})
ask("Secret", data={"k": "aA=="}, stringData={"k": "x" * mib})
ask("Secret", data={"j": "aA=="}, stringData={"k": "x" * mib})
END
is "$?" 0 "the server was asked about data"
windlass check --allow-secrets --output json data/*.json >ours
jq -r '.problems[] | select(.rule == "data-malformed") | .path + "\tbad"' ours |
	sort -u >refused
is "$(jq -r '.problems[].rule' ours | sort -u | grep -v duplicate)" \
	data-malformed "one rule judges data"
join -t $'\t' -a 1 -e good -o 1.2,2.2,1.3 <(sort server) refused >both
is "$(awk -F'\t' '$1 != $2' both)" "" "as the server judges it"
is "$(cut -f1 both | sort -u | tr '\n' ' ')" "bad good " "which takes some of it"

done_testing
