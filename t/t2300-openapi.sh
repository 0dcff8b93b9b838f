#!/bin/bash
# What windlass knows of built-in kinds against a real API server: the table
# in schema/openapi is what that server says of itself, and its verdict on
# objects that were broken in one place each is ours, too.
# It starts clusters of its own: definitions of other tests would be served.
. "$(dirname "$0")/lib.sh"

for program in jq python3; do
	command -v "$program" >/dev/null || skip_all "no $program"
done
cluster=$TOP/contrib/cluster/cluster
compiler=$WINDLASS_BUILD/contrib/openapi/openapi-compile
[ -x "$compiler" ] || skip_all "openapi-compile is not built"
newest=$(sed -n 's/^#define OPENAPI_NEWEST "\(.*\)"/\1/p' \
	"$TOP/schema/openapi.h")
# the built programs are in the user's own cache
at_home() {
	HOME=$(getent passwd "$(id -u)" | cut -d: -f6) XDG_CONFIG_HOME='' "$@"
}

# ---- the table, made again

at_home "$TOP/contrib/openapi/tables" --compiler "$compiler" \
	--out "$TRASH/tables" "$newest" >tables.log 2>&1
is "$?" 0 "a table of Kubernetes $newest is made again"
test_show tables.log | tail -n 3
ok "and is the one that is installed" \
	cmp "tables/$newest" "$TOP/schema/openapi/$newest"
ok "every table is in the build" test -z "$(cd "$TOP/schema/openapi" &&
	for file in *; do
		grep -q "schema/openapi/$file\b" "$TOP/schema/schema.mk" ||
			echo "$file"
	done)"

# ---- the names of time zones, of this Go

at_home "$TOP/contrib/openapi/zones" >zones ||
	bail "no time zones"
release() { sed -n 's/.*time zone database (\(.*\)).*/\1/p' "$1"; }
if [ "$(release zones)" = "$(release "$TOP/schema/values/zones.inc")" ]; then
	ok "time zones are those of Go" \
		cmp zones "$TOP/schema/values/zones.inc"
else
	is "$(grep -cxFf zones "$TOP/schema/values/zones.inc")" \
		"$(grep -c ZONE "$TOP/schema/values/zones.inc")" \
		"Go $(release zones) has all time zones"
fi

# ---- broken objects, and the server's word on each

at_exit "'$cluster' down --kill --dir '$TRASH/cluster'"
at_home "$cluster" up --dir "$TRASH/cluster" --no-kwok >cluster.log 2>&1 ||
	{ test_show cluster.log; bail "no cluster"; }
kubeconfig=$(at_home "$cluster" kubeconfig --token --dir "$TRASH/cluster")
mkdir objects
python3 - "$kubeconfig" "$TEST_DIR/fixtures/openapi/good.json" objects \
	<<'END' >server
# Every value of every good object, changed to what it should not be; one
# line for each: file, the server's verdict, what was done.
import base64, copy, http.client, json, re, ssl, sys, urllib.parse

config = open(sys.argv[1]).read()
def setting(name):
    return re.search(name + r": (\S+)", config).group(1)
authority = base64.b64decode(setting("certificate-authority-data")).decode()
url = urllib.parse.urlparse(setting("server"))
server = http.client.HTTPSConnection(
    url.hostname, url.port, context=ssl.create_default_context(cadata=authority))
headers = {"Authorization": "Bearer " + setting("token"),
           "Content-Type": "application/apply-patch+yaml"}

number = 0
def ask(path, o, what):
    global number
    body = json.dumps(o)
    server.request("PATCH", path + "?fieldManager=t&force=true&dryRun=All"
                   "&fieldValidation=Strict", body, headers)
    answer = server.getresponse()
    answer.read()
    file = f"{sys.argv[3]}/{number:05}.json"
    open(file, "w").write(body)
    print(file, "bad" if answer.status >= 400 else "good", what, sep="\t")
    number += 1

def change(o, at, do):
    o = copy.deepcopy(o)
    inner = o
    for key in at[:-1]:
        inner = inner[key]
    do(inner, at[-1])
    return o

def put(value):
    def do(inner, key):
        inner[key] = value
    return do

def drop(inner, key):
    del inner[key]

def double(inner, key):
    inner[key].append(copy.deepcopy(inner[key][0]))

def values(v, at):
    if at:
        yield at, v
    if isinstance(v, dict):
        for key in v:
            if at or key not in ("apiVersion", "kind", "metadata"):
                yield from values(v[key], at + [key])
    if isinstance(v, list):
        for i in range(len(v)):
            yield from values(v[i], at + [i])

for entry in json.load(open(sys.argv[2])):
    path, o = entry["path"], entry["object"]
    ask(path, o, "as it is")
    for at, v in values(o, []):
        where = ".".join(map(str, at))
        for name, do in (("dropped", drop), ("null", put(None)),
                         ("a map", put({"windlass": 1})), ("a list", put([[]])),
                         ("text", put("No Such Thing!")), ("5", put(5)),
                         ("1.5", put(1.5)), ("true", put(True)),
                         ("2^32", put(1 << 32))):
            ask(path, change(o, at, do), f"{where} {name}")
        if isinstance(v, dict):
            ask(path, change(o, at + ["windlass"], put(1)), f"{where} more")
        if isinstance(v, list) and v:
            ask(path, change(o, at, double), f"{where} doubled")
END
is "$?" 0 "the server was asked about $(wc -l <server) objects"
ok "which are many" [ "$(wc -l <server)" -gt 1000 ]

find objects -name '*.json' | sort | xargs -n 400 \
	"$WINDLASS_BUILD/windlass" check --allow-secrets --output json >ours
jq -r '.problems[] | select(.severity == "error" and .rule != "duplicate") |
	.path + "\tbad"' ours | sort -u >refused
join -t $'\t' -a 1 -e good -o 1.2,2.2,1.3 <(sort server) refused >both
is "$(awk -F'\t' '/as it is/ && ($1 == "bad" || $2 == "bad")' both)" "" \
	"the objects are good to both"
# beyond int32 the server keeps the low bits, and may take what is left
is "$(awk -F'\t' '$1 == "good" && $2 == "bad" && !/ 2\^32$/' both)" "" \
	"what the server takes is not refused"
caught=$(grep -c '^bad	bad' both)
missed=$(grep -c '^bad	good' both)
echo "# of $((caught + missed)) that the server refuses $caught are refused"
# the rest are values that fit their types
ok "more than four of five that it refuses are" [ $((caught * 5)) -gt \
	$(((caught + missed) * 4)) ]
# the keys of resources are anybody's, and 1.5 of one is a quantity
structure=' (a map|a list|1\.5|true|more)$'
is "$(grep -E "$structure" both | grep '^bad	good' | cut -f3 |
	grep -vE '\.(limits|requests)(\.[a-z]+)? ')" "" \
	"and each that is of another form"

done_testing
