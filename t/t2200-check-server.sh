#!/bin/bash
# The rules of windlass check against a real API server: the table of built-in
# kinds is what it serves, and names are judged as it judges them.
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
mkdir names
python3 - "$kubeconfig" kinds.inc names <<'END' >server
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
        server.request("PATCH", f"{path}/{plural}/" +
                       urllib.parse.quote(name, safe="") +
                       "?fieldManager=t&force=true&dryRun=All", body, headers)
        answer = server.getresponse()
        status = json.loads(answer.read())
        causes = (status.get("details") or {}).get("causes") or []
        bad = answer.status >= 400 and any(
            c.get("field") == "metadata.name" for c in causes)
        if answer.status >= 400 and answer.status != 422:
            sys.exit(f"{kind} {name}: {status.get('message')}")
        file = f"names/{i:05}.json"
        open(file, "w").write(body)
        print(file, "bad" if bad else "good", kind, name.replace(" ", "_"),
              sep="\t")
        i += 1
END
is "$?" 0 "the server was asked about every kind"
ok "for $(wc -l <server) names" [ "$(wc -l <server)" -gt 1000 ]

windlass check --allow-secrets --output json names >ours
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

done_testing
