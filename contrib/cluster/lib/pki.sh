# shellcheck shell=bash
# The keys, certificates and kubeconfigs of one cluster, in $DIR/pki and $DIR.
#
# Everything is ECDSA P-256, by the openssl program: ten certificates in a
# fifth of a second. Three authorities, because each is trusted for another
# thing: "ca" for users and the API server, "front-proxy-ca" for the
# aggregation layer's headers, "etcd-ca" for etcd, which knows no users and
# must not let a mere API user in. Since nobody else's etcd or API server can
# show such a certificate, a port that somebody else took is never mistaken
# for ours.

readonly PKI_DAYS=3650

# The service network; its first address is the "kubernetes" service's.
readonly SERVICE_CIDR=10.96.0.0/16
readonly SERVICE_API=10.96.0.1

# pki_openssl WHAT ARGUMENT...: run openssl, quiet unless it fails.
pki_openssl() {
	local what=$1 out
	shift
	out=$(cd "$DIR/pki" && OPENSSL_CONF=openssl.cnf \
		openssl "$@" 2>&1 </dev/null) ||
		die "openssl cannot make $what: ${out##*$'\n'}"
}

# pki_ca NAME SUBJECT: a self-signed authority.
pki_ca() {
	pki_openssl "authority '$1'" req -x509 -new -newkey ec \
		-pkeyopt ec_paramgen_curve:P-256 -nodes -days "$PKI_DAYS" \
		-keyout "$1.key" -out "$1.crt" -subj "/CN=$2" \
		-addext basicConstraints=critical,CA:TRUE \
		-addext keyUsage=critical,keyCertSign,cRLSign \
		-addext subjectKeyIdentifier=hash
}

# pki_cert NAME AUTHORITY SUBJECT USAGE [SAN]: one key and certificate.
pki_cert() {
	local san=()
	[[ -z ${5-} ]] || san=(-addext "subjectAltName=$5")
	pki_openssl "certificate '$1'" req -x509 -new -newkey ec \
		-pkeyopt ec_paramgen_curve:P-256 -nodes -days "$PKI_DAYS" \
		-CA "$2.crt" -CAkey "$2.key" \
		-keyout "$1.key" -out "$1.crt" -subj "$3" \
		-addext basicConstraints=critical,CA:FALSE \
		-addext keyUsage=critical,digitalSignature \
		-addext "extendedKeyUsage=$4" "${san[@]}"
}

# pki_make: all of it. Every component has a user of its own, so that an
# audit log tells them apart.
pki_make() {
	local local_names=DNS:localhost,IP:127.0.0.1,IP:::1
	mkdir -p "$DIR/pki"
	printf '[req]\ndistinguished_name = dn\n[dn]\n' \
		>"$DIR/pki/openssl.cnf"
	pki_ca ca kubernetes-ca
	pki_ca front-proxy-ca front-proxy-ca
	pki_ca etcd-ca etcd-ca
	pki_cert apiserver ca /CN=kube-apiserver serverAuth \
		"$local_names,IP:$SERVICE_API,DNS:kubernetes,$(
		)DNS:kubernetes.default,DNS:kubernetes.default.svc,$(
		)DNS:kubernetes.default.svc.cluster.local"
	pki_cert component ca /CN=component serverAuth "$local_names"
	pki_cert admin ca /O=system:masters/CN=admin clientAuth
	pki_cert kubelet-client ca \
		/O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
	pki_cert controller-manager ca \
		/CN=system:kube-controller-manager clientAuth
	pki_cert scheduler ca /CN=system:kube-scheduler clientAuth
	pki_cert kwok ca /O=system:masters/CN=kwok clientAuth
	pki_cert front-proxy front-proxy-ca /CN=front-proxy-client clientAuth
	pki_cert etcd etcd-ca /CN=etcd serverAuth,clientAuth "$local_names"
	pki_cert etcd-client etcd-ca /CN=kube-apiserver clientAuth
	pki_openssl "service account key" genpkey -algorithm EC \
		-pkeyopt ec_paramgen_curve:P-256 -out sa.key
	pki_openssl "service account key" pkey -in sa.key -pubout -out sa.pub
	printf '%s,token-admin,token-admin,"system:masters"\n' \
		"$(openssl rand -hex 32)" >"$DIR/pki/tokens.csv"
}

# kubeconfig_write FILE USER CREDENTIAL: CREDENTIAL is the YAML of the user.
kubeconfig_write() {
	local context=windlass-$CLUSTER_NAME
	cat >"$1.tmp" <<-EOF || die "cannot write '$1'"
		apiVersion: v1
		kind: Config
		current-context: $context
		clusters:
		- name: $context
		  cluster:
		    server: https://127.0.0.1:${PORT[apiserver]}
		    certificate-authority-data: $(base64 -w0 "$DIR/pki/ca.crt")
		contexts:
		- name: $context
		  context:
		    cluster: $context
		    user: $2
		users:
		- name: $2
		  user:
		$3
	EOF
	mv "$1.tmp" "$1"
}

# kubeconfig_cert FILE USER CERTIFICATE
kubeconfig_cert() {
	local cert key
	cert=$(base64 -w0 "$DIR/pki/$3.crt")
	key=$(base64 -w0 "$DIR/pki/$3.key")
	kubeconfig_write "$1" "$2" "    client-certificate-data: $cert
    client-key-data: $key"
}

# kubeconfigs_make: for people (certificate, token) and for the components.
kubeconfigs_make() {
	local token
	mkdir -p "$DIR/etc"
	token=$(cut -d, -f1 "$DIR/pki/tokens.csv")
	kubeconfig_cert "$DIR/kubeconfig" admin admin
	kubeconfig_write "$DIR/kubeconfig-token" token-admin \
		"    token: $token"
	kubeconfig_cert "$DIR/etc/controller-manager.kubeconfig" \
		system:kube-controller-manager controller-manager
	kubeconfig_cert "$DIR/etc/scheduler.kubeconfig" \
		system:kube-scheduler scheduler
	kubeconfig_cert "$DIR/etc/kwok.kubeconfig" kwok kwok
}
