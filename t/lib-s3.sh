# A real S3 server, versitygw on a folder. Source it after lib.sh.
#
#   s3_build                  builds it once; skips the test where it cannot be
#   s3_start NAME [OPTION...] starts it on the folder NAME with the bucket pub;
#                             $S3 is its address, NAME.access its log
#   s3_credentials FILE [SECRET]   its key, as a credentials file
#   s3_curl PATH [ARGUMENT...]     a signed request
#   s3_public                 lets everybody read the bucket
#   s3_asked NAME             its requests, "PUT prod/head 200" a line
#   s3_logged NAME PATTERN    waits until one of them is in its log
#   add_bucket REPO NAME URL  a section windlass-s3 of it
S3_KEY=windlass S3_SECRET=wJalrXUtnFEMI0K7MDENG0bPxRfiCY

s3_build() {
	VERSITYGW=$(XDG_CACHE_HOME=$USER_CACHE "$TEST_DIR/versitygw/build" \
		2>"$TRASH/build.log") ||
		skip_all "no versitygw: $(tail -n 1 "$TRASH/build.log")"
}

s3_start() {
	local name=$1 port
	shift
	mkdir -p "$TRASH/$name/pub"
	port=${S3_PORT:-$(free_port)}
	ROOT_ACCESS_KEY_ID=$S3_KEY ROOT_SECRET_ACCESS_KEY=$S3_SECRET \
		start "$name" "$VERSITYGW" --port "127.0.0.1:$port" --quiet \
		--keep-alive --virtual-domain "localhost:$port" \
		--access-log "$TRASH/$name.access" "$@" posix "$TRASH/$name"
	S3_HOST=127.0.0.1:$port
	S3=http://$S3_HOST
	wait_for 20 s3_answers || { test_show "$name.log"; bail "versitygw"; }
}

s3_answers() {
	curl -ks "$S3/" || curl -ks "https://$S3_HOST/"
}

s3_credentials() {
	rm -f "$1"
	(umask 077 && printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' \
		"$S3_KEY" "${2:-$S3_SECRET}" >"$1")
}

s3_curl() {
	local path=$1
	shift
	curl -sS --aws-sigv4 aws:amz:us-east-1:s3 --user "$S3_KEY:$S3_SECRET" \
		"$@" "$S3/$path"
}

s3_public() {
	cat >"$TRASH/policy.json" <<-END
	{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
	 "Principal": "*", "Action": "s3:GetObject",
	 "Resource": "arn:aws:s3:::pub/*"}]}
	END
	s3_curl 'pub?policy=' -f -X PUT -H 'content-type: application/json' \
		-H "x-amz-content-sha256: $(sha256sum <"$TRASH/policy.json" |
			cut -d' ' -f1)" --data-binary "@$TRASH/policy.json"
}

s3_logged() { wait_for 10 eval "s3_asked '$1' | grep -q '^$2'"; }

s3_asked() {
	sed -nE 's|^[^"]* s3_(Get\|Head\|Put\|Delete)Object(Policy)? (\S+) \S+ ([0-9]+) .*|\1 \3 \4|p' \
		"$TRASH/$1.access"
}

add_bucket() {
	git -C "$1" config "windlass-s3.$2.url" "$3"
	git -C "$1" config "windlass-s3.$2.credentials" "$TRASH/credentials"
}
