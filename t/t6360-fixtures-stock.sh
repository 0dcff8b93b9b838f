#!/bin/bash
# What we take, stock tools take: a signature of every form that our verifier
# accepts, by stock ssh-keygen; trust files of every form that ours reads, by
# it, too; what a real host publishes and its approvers sign, by git. The other
# way round it is not so: that stock is laxer is known (attack-25 to attack-27).
. "$(dirname "$0")/lib.sh"
tool=$WINDLASS_BUILD/t/tool/sshsig
[ -x "$tool" ] || skip_all "t/tool/sshsig is not built: make check TESTS="

ours() { # TRUST ROLE NAMESPACE SIG MESSAGE
	"$tool" verify "$1" "$2" "$3" "$4" <"$5"
}
stock() { # WHO TRUST NAMESPACE SIG MESSAGE
	ssh-keygen -Y verify -f "$2" -I "$1" -n "$3" -s "$4" <"$5" || return 1
}

# ---- signatures ----

mkdir fixtures
count=$("$tool" fixtures fixtures)
ok "there are fixtures" [ "$count" -gt 30 ]
for ((i = 0; i < count; i++)); do
	f=fixtures/$i
	ns=$(cat $f.ns)
	role=approvers spaces=git
	[ "$ns" = git ] || role=publishers spaces=git,$ns
	printf 'p namespaces="%s" %s\n' "$spaces" "$(cat $f.key)" >trust
	what="$(cut -d' ' -f1 $f.key), $ns, $(stat -c %s $f.msg) bytes, fixture $i"
	ok "ours: $what" ours trust $role "$ns" $f.sig $f.msg
	ok "stock: $what" stock p trust "$ns" $f.sig $f.msg
done

# What fuzzing and other tests begin with: each file that has a signature in it,
# in whatever frame.
# armour FILE: its signature
armour() {
	case $1 in
	*/sshsig/blob-*)
		echo '-----BEGIN SSH SIGNATURE-----'
		base64 -w 70 "$1"
		echo '-----END SSH SIGNATURE-----' ;;
	*/bundle/* | */signed-commit)
		sed -n '/^gpgsig /,/^ -----END SSH/{s/^gpgsig//; s/^ //p}' "$1" ;;
	*)	sed -n '/^-----BEGIN SSH/,$p' "$1" ;;
	esac
}
# signed FILE: what it is a signature of
signed() {
	case $1 in
	*/sshsig/*) echo 'a chain' ;;
	*/bundle/* | */signed-commit) sed '/^gpgsig /,/^ -----END SSH/d' "$1" ;;
	*)	sed '/^-----BEGIN SSH/,$d' "$1" ;;
	esac
}
taken=
while read -r file; do
	armour "$file" >sig
	signed "$file" >msg
	for ns in git head-v1@windlass.dev report-v1@windlass.dev; do
		"$tool" check "$ns" sig <msg >by 2>check.err || continue
		what=${file#"$TEST_DIR"/}
		printf 'p namespaces="%s" %s\n' "$ns" "$(cat by)" >trust
		ok "stock: $what, $ns" stock p trust "$ns" sig msg
		taken+="$what "
	done
done < <(find "$TEST_DIR/fuzz/corpus/sshsig" -name 'blob-*'
	grep -rl 'BEGIN SSH SIGNATURE' "$TEST_DIR/fuzz/corpus" "$TEST_DIR/fixtures")
echo "# $taken"
for some in sshsig/plain sshsig/sk sshsig/blob-sk bundle/first head/file-full \
	approval/approve developers/signed-commit \
	fixtures/published; do
	like "$taken" "$some" "$some was taken, and looked at"
done

# ---- trust files ----

ssh-keygen -q -t ed25519 -N '' -C 'ann of example.org' -f ann </dev/null
ssh-keygen -q -t ed25519 -N '' -C bob -f bob </dev/null
a=$(cut -d' ' -f1,2 ann.pub) b=$(cut -d' ' -f1,2 bob.pub)
echo text >text
ssh-keygen -q -Y sign -n git -f ann text 2>/dev/null
while IFS= read -r line; do
	printf '%b' "${line//KEY/$a}" | sed "s|OTHER|$b|" >trust
	ok "ours: $line" ours trust approvers git text.sig text
	who=$(grep -F "$a" trust | awk '{ print $1; exit }')
	ok "stock: $line" stock "$who" trust git text.sig text
done <<'END'
A-9._@+x@example.com namespaces="git" KEY\n
a.lockx namespaces="git" KEY\n
a.b.c namespaces="git" KEY\n
a123456789012345678901234567890123456789012345678901234567890123 namespaces="git" KEY\n
ann valid-after="19700101000001Z",namespaces="git",valid-before="99991231235959Z" KEY
ann namespaces="git" KEY\n
ann namespaces="git" KEY
\t ann \t namespaces="git"\t  KEY \t\n \n
ann namespaces="git" KEY some comment # and more\n
# nobody\n\nann namespaces="git" KEY\n
bob namespaces="git" OTHER\nann namespaces="git" KEY\n
ann namespaces="git" OTHER\nann namespaces="git" KEY\n
ann namespaces="git",valid-after="20200101Z" KEY\n
ann valid-before="29990101Z",valid-after="20200101Z",namespaces="git" KEY\n
ann valid-after="202001010000Z",namespaces="git",valid-before="29991231235959Z" KEY\n
END
# and where ours says no to one line, it says no to the file
while IFS= read -r line; do
	printf 'ann namespaces="git" %s\n%b\n' "$a" "${line//KEY/$b}" >trust
	ok "stock passes over: $line" stock ann trust git text.sig text
	not_ok "ours refuses the file: $line" ours trust approvers git \
		text.sig text
	like "$(cat .output)" "line 2:" "and says where"
done <<'END'
nonsense
bob namespaces="git",no-such-option KEY
bob namespaces="git" ssh-rsa AAAA
bob cert-authority,namespaces="git" KEY
* namespaces="git" KEY
bob,carol namespaces="git" KEY
bob namespaces="git,file" KEY
bob namespaces="git",valid-before="20990101" KEY
bob namespaces="git",valid-after="19700101Z" KEY
END
done_testing
