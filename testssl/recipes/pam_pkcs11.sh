cp {{.ACI}}.pem {{.ACR}}.pem /etc/pam_pkcs11/cacerts/
cp {{.ACI}}.crl.pem {{.ACR}}.crl.pem /etc/pam_pkcs11/crls/
openssl rehash /etc/pam_pkcs11/cacerts
openssl rehash /etc/pam_pkcs11/crls
echo "8.99700209812@carte-cps.fr -> alain" > /etc/pam_pkcs11/upn_map   # one line a person: the UPN, and the account
