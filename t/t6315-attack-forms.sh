#!/bin/bash
# What a host can serve that is almost a head, a signature or a tree, each by a
# real web server to `windlass verify --url`, which judges with the engine's
# own code (t6310 has the engine and a cluster): one error each, soon, and with
# little memory.
. "$(dirname "$0")/lib.sh"
. "$TEST_DIR/lib-bundle.sh"

new_key publisher
new_key stranger
ssh-keygen -q -t rsa -b 2048 -N '' -f rsa </dev/null
ssh-keygen -q -t ecdsa -N '' -f ecdsa </dev/null
ssh-keygen -q -t ed25519 -N '' -f authority </dev/null
ssh-keygen -q -s authority -I publisher -n publisher publisher.pub
port=$(free_port)
start web python3 -m http.server --bind 127.0.0.1 -d "$public" "$port" \
	2>/dev/null
put demo "" ConfigMap web one
bundle
publish
wait_for 10 curl -sf "http://127.0.0.1:$port/prod/head" || bail "no server"
cp -r "$public/prod" good
cp -r tree good-tree
cp index.txt good-index
good=$bundle

# ask: what `windlass verify` says, in bounded time and memory
ask() {
	(
		ulimit -v 1000000
		timeout 20 windlass verify --publishers publisher.line \
			--url "http://127.0.0.1:$port" prod >out 2>&1
	)
}
ask
is $? 0 "the truth is good" || test_show out

# refused ROW WHAT REGEX: of what is there now
refused() {
	ask
	like "$? $(tr -s ' ' <out | grep -v '^ok ' | tr '\n' ' ')" "^1 .*$3" \
		"attack-$1 $2"
	honest
	key=publisher seq=1 bundle=$good
	rm -rf "$public/prod" tree
	cp -r good "$public/prod"
	cp -r good-tree tree
	cp good-index index.txt
}
head_file=$public/prod/head
head_refused='FAIL head signature '

# ---- heads that the publisher did sign ----

# form ROW WHAT SED: an honest head, edited before it is signed
form() {
	h_edit=$3 make_head
	refused "$1" "$2" "$head_refused.*head: line"
}
form 24 "a head with CR LF" 's/$/\r/'
form 24 "a head with a byte order mark" '1s/^/\xef\xbb\xbf/'
form 24 "a head with a line behind it" '$a more'
form 24 "a head with an empty line" '3i\\'
form 24 "a head with a field twice" '/^epoch/p'
form 24 "a head with a field that nobody knows" '/^epoch/i mirror here'
form 24 "a head with two fields in another order" '/^epoch/{h;d};/^sequence/G'
form 24 "a head without a field" '/^epoch/d'
form 24 "a head with two spaces" 's/^epoch /epoch  /'
form 24 "a head with a NUL" 's/^channel prod/channel prod\x00x/'
form 24 "a head of another version" 's/^windlass-head 1/windlass-head 2/'
for n in 0 01 +1 -1 1e3 0x1 1. ' 1' '' 9223372036854775808 \
	18446744073709551617 99999999999999999999; do
	form 29 "the sequence '$n'" "s/^sequence .*/sequence $n/"
	form 29 "the epoch '$n'" "s/^epoch .*/epoch $n/"
done

# ---- where the text ends and the signature begins ----

armour=$(sed -n '/^-----BEGIN/,$p' good/head)
h_edit='4i -----BEGIN SSH SIGNATURE-----' make_head
refused 58 "a signature that begins in the text" "$head_refused"
h_edit='4i - x' make_head
refused 58 "a line that begins with -" "$head_refused"
cat good/head good/head >"$head_file"
refused 58 "two heads" "$head_refused"
{ echo "$armour"; cat good/head; } >"$head_file"
refused 58 "a signature before the text" "$head_refused"
{ cat good/head; echo "$armour"; } >"$head_file"
refused 58 "two signatures" "$head_refused"
{ sed '/^-----BEGIN/,$d' good/head; sed '/^-----BEGIN/,$d' good/head
	echo "$armour"; } >"$head_file"
refused 58 "two texts" "$head_refused"
{ cat good/head; echo more; } >"$head_file"
refused 58 "text behind the signature" "$head_refused"
truncate -s -1 "$head_file"
refused 58 "no last LF" "$head_refused"
: >"$head_file"
refused 3 "an empty head" "$head_refused" 2>/dev/null

# ---- signatures ----

# resign PYTHON: the bytes of the signature, b, as the program makes them
resign() {
	python3 - good/head "$1" >"$head_file" <<-'END'
	import base64, sys
	L = 2**252 + 27742317777372353535851937790883648493
	text, armour = open(sys.argv[1]).read().split('-----BEGIN', 1)
	lines = armour.split('\n')
	b = bytearray(base64.b64decode(''.join(lines[1:-2])))
	n = len('head-v1@windlass.dev')
	exec(sys.argv[2])
	t = base64.b64encode(bytes(b)).decode()
	print(text + '-----BEGIN SSH SIGNATURE-----\n' + '\n'.join(
	    t[i:i + 70] for i in range(0, len(t), 70)) +
	    '\n-----END SSH SIGNATURE-----')
	END
}
resign ''
ask
is $? 0 "a signature that was taken apart and put together is good" ||
	test_show out
blob() {
	resign "$2"
	refused 25 "$1" "$head_refused"
}
blob "version 0 of the signature's form" 'b[9] = 0'
blob "version 2" 'b[9] = 2'
blob "another magic" 'b[0] = 0x73'
blob "a length of 2^32-1" 'b[10:14] = b"\xff" * 4'
blob "something in the reserved field" \
	'b[69+n:73+n] = b"\0\0\0\1x"'
blob "63 bytes of signature" \
	'b[102+n:106+n] = b"\0\0\0\x3f"; b[86+n] -= 1; del b[-1]'
blob "65 bytes of signature" \
	'b[102+n:106+n] = b"\0\0\0\x41"; b[86+n] += 1; b += b"\0"'
blob "another type inside than outside" 'b[91+n:102+n] = b"ssh-ed25520"'
blob "bytes behind it" 'b += b"\0"'
blob "a hash that nobody knows" 'b[77+n:83+n] = b"sha384"'
for bytes in 5 33 90 140; do
	blob "one cut off after $bytes bytes" "del b[$bytes:]"
done
resign 's = int.from_bytes(b[-32:], "little") + L
b[-32:] = s.to_bytes(32, "little")'
refused 26 "S + L, which is the same number" "$head_refused"
# list_of PYTHON: what is said of a list with a key of these 32 bytes
list_of() {
	python3 - "$1" >made.line <<-'END'
	import base64, sys
	blob = base64.b64decode(open('publisher.pub').read().split()[1])
	publisher = blob[-32:]
	print('publisher@example.org namespaces="git,head-v1@windlass.dev" ssh-ed25519',
	      base64.b64encode(blob[:-32] + eval(sys.argv[1])).decode())
	END
	windlass verify --publishers made.line \
		--url "http://127.0.0.1:$port" prod >out 2>&1
	echo "$? $(cat out)"
}
like "$(list_of publisher)" '^0 ' "a list that was made likewise is good"
# weak WHAT PYTHON: no list may have it, whoever signs
weak() {
	like "$(list_of "$2")" \
		"^2 .*'made\.line': line 1: key is weak or malformed" \
		"attack-26 $1"
}
weak "a key of small order, which anything is signed by" 'b"\1" + bytes(31)'
weak "the same key, written otherwise" 'b"\xee" + b"\xff" * 30 + b"\x7f"'
weak "a key of order 4" 'bytes(32)'
weak "a key that is no point of the curve" 'b"\2" + bytes(31)'
for kind in rsa ecdsa publisher-cert.pub; do
	h_key=$kind make_head
	if grep -q 'BEGIN SSH SIG' "$head_file"; then
		refused 25 "a signature by ${kind%.pub}" "$head_refused"
	else
		skip 1 "this ssh-keygen does not sign with $kind"
		honest
		cp good/head "$head_file"
	fi
done
h_key=stranger make_head
refused 2 "a signature by a stranger" "$head_refused.*is not in the list"

# the signed bytes themselves under the bare key, without the frame of SSHSIG
sed '/^-----BEGIN/,$d' good/head >text
openssl genpkey -algorithm ed25519 -out bare.pem 2>/dev/null
openssl pkeyutl -sign -inkey bare.pem -rawin -in text -out bare.sig 2>/dev/null
openssl pkey -in bare.pem -pubout -outform DER 2>/dev/null | tail -c 32 >bare.pub
printf 'publisher@example.org namespaces="git,head-v1@windlass.dev" ssh-ed25519 %s\n' \
	"$({ printf '\0\0\0\013ssh-ed25519\0\0\0\040'; cat bare.pub; } | base64 -w 0)" >bare.line
resign 'b[33:65] = open("bare.pub", "rb").read()
b[-64:] = open("bare.sig", "rb").read()'
cp publisher.line kept.line
cat bare.line >>publisher.line
sed -i '$s/^publisher/bare/' publisher.line
refused 16 "a bare Ed25519 signature of the text" "$head_refused.*does not match"
cp kept.line publisher.line

# ---- trees ----

# as_signed TREE NAME MODE ID PLACE: TREE with an entry among the ConfigMaps, as
# a publisher might sign it: SHA256SUMS name it, too, up to the root. PLACE is
# `last`, or where its name belongs; an ID that is "" is that of web.json.
as_signed() {
	python3 - "$@" <<-'END'
	import hashlib, os, subprocess, sys
	tree, name, mode, target, place = map(os.fsencode, sys.argv[1:])
	def git(*args, text=None):
	    return subprocess.run(('git',) + args, input=text, check=True,
	                          stdout=subprocess.PIPE).stdout
	def made(kind, text):
	    return git('hash-object', '-t', kind, '-w', '--stdin', '--literally',
	               text=text).decode().strip()
	def entries(id):
	    raw, found = git('cat-file', 'tree', id), []
	    while raw:
	        head, raw = raw.split(b'\0', 1)
	        found.append([*head.split(b' ', 1), raw[:20].hex()])
	        raw = raw[20:]
	    return found
	def digest(id):
	    return hashlib.sha256(git('cat-file', 'blob', id)).hexdigest()
	def folder(id, path):
	    found = entries(id)
	    at = {e[1]: e for e in found}
	    named = [l.split(b'  ', 1)[::-1] for l in git(
	        'cat-file', 'blob', at[b'SHA256SUMS'][2]).splitlines()]
	    if path:
	        below, sum = folder(at[path[0]][2], path[1:])
	        at[path[0]][2] = below
	        named = [[n, sum if n == path[0] + b'/SHA256SUMS' else s]
	                 for n, s in named]
	    else:
	        web = at[b'web.json'][2]
	        found.append([mode, name, target.decode() or web])
	        named.append([name, digest(web).encode()])
	        if not place:
	            found.sort(key=lambda e: e[1])
	    text = b''.join(b'%s  %s\n' % (s, n) for n, s in sorted(named))
	    at[b'SHA256SUMS'][2] = made('blob', text)
	    return (made('tree', b''.join(b'%s %s\0' % (m, n) + bytes.fromhex(i)
	                                  for m, n, i in found)),
	            hashlib.sha256(text).hexdigest().encode())
	print(folder(tree.decode(), b'objects/demo/core/ConfigMap'.split(b'/'))[0])
	END
}
# entry ROW WHAT REASON NAME [MODE [ID [PLACE]]]
entry() {
	put demo "" ConfigMap web two
	sums tree
	b_tree=$(as_signed "$(write_tree)" "$4" "${5:-100644}" "${6:-}" "${7:-}")
	b_objects=2 b_changes='+1 ~1 -0' bundle
	packs
	make_head
	refused "$1" "$2" "FAIL prod 1\\.2 content .*'$folder': $3"
}
folder=objects/demo/core/ConfigMap
# name WHAT NAME [AS_SHOWN]: a regular expression
name() {
	entry 20 "a file $1" "'${3:-$2}' is no name that a bundle may have" "$2"
}
name "with an absolute name" /etc/cron.d/x.json
name "above its folder" ../../../../../x.json '\.\./\.\./\.\./\.\./\.\./x\.json'
name .. .. '\.\.'
name .git .git '\.git'
name "with a backslash" 'web\x.json' '.*'
name "with a line feed" $'web\nx.json' 'web.*x\.json'
long=$(printf '%0246d' 0).json
name "with a name of 251 bytes" "$long"
entry 20 "a name twice" "'web\\.json' is not in order" web.json
entry 20 "a name that is not in order" "'a\\.json' is not in order" \
	a.json 100644 "" last
# mode WHAT NAME MODE [ID]
mode() {
	entry 21 "$1" "'$2' has mode $3: a bundle has plain files and folders only" \
		"$2" "$3" "${4:-}"
}
mode "a symbolic link" link.json 120000
mode "a submodule" module.json 160000 "$good"
mode "a mode that is none" odd.json 100664
mode "a device" device.json 020000

# names that some disks would take for one, or for a place: RBAC's may be such,
# and each is an object of its own
for name in web WEB C:x; do
	put demo rbac.authorization.k8s.io Role "$name"
done
bundle
publish
ask
is "$? $(grep -c '^ok .* 1\.2 *content ' out)" "0 1" \
	"attack-20 names that differ by case only, or look like a drive's, are three" ||
	test_show out
done_testing
