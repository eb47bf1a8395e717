# pkeyutl is handed a hash. Where OpenSSL has the card hash too (dgst, TLS), the authentication key of a CPS refuses (0x63).
echo 1234 > pin
openssl dgst -sha256 -binary -out hash openssl.cnf
OPENSSL_CONF=$PWD/openssl.cnf openssl pkeyutl -sign -in hash -pkeyopt digest:sha256 -out signature \
  -inkey "pkcs11:object=CPS_PRIV_AUT;type=private;pin-source=file:$PWD/pin"
