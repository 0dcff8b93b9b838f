# The real nginx, with nothing but what a page or a file of contrib/nginx adds.
# Source it after lib.sh or lib-users.sh.
#
#   nginx_use              it is in $PATH; skips all tests where it is missing
#   nginx_config FILE [LINE...]   its settings: in front of all, LINE...; in
#                          http{}, what is on stdin
#   nginx_certificate DIR NAME CN ALTNAME   DIR/NAME.key and DIR/NAME.crt
nginx_use() {
	PATH=$PATH:/usr/sbin:/sbin
	command -v nginx >/dev/null ||
		skip_all "nginx is missing: apt-get install nginx-light"
}

nginx_config() {
	local file=$1 line
	shift
	mkdir -p "$TRASH/nginx"
	{
		for line; do echo "$line"; done
		cat <<-NGINX
		daemon off;
		pid $TRASH/nginx/pid;
		error_log stderr;
		events { worker_connections 256; }
		http {
			client_body_temp_path $TRASH/nginx/body;
			proxy_temp_path $TRASH/nginx/proxy;
			fastcgi_temp_path $TRASH/nginx/fastcgi;
			uwsgi_temp_path $TRASH/nginx/uwsgi;
			scgi_temp_path $TRASH/nginx/scgi;
		NGINX
		cat
		echo '}'
	} >"$file"
}

nginx_certificate() {
	mkdir -p "$1"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
		-nodes -keyout "$1/$2.key" -out "$1/$2.crt" -days 2 \
		-subj "/CN=$3" -addext "subjectAltName=$4" 2>/dev/null
}
