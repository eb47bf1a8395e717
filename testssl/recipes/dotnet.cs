// curl -o igc-authorities.pem {{.Publication}}/authorities.pem
var authorities = new X509Certificate2Collection();
authorities.ImportFromPemFile("igc-authorities.pem");
builder.Services.AddAuthentication(CertificateAuthenticationDefaults.AuthenticationScheme).AddCertificate(o => {
    o.ChainTrustValidationMode = X509ChainTrustMode.CustomRootTrust;
    o.CustomTrustStore = authorities;
    o.RevocationMode = X509RevocationMode.Online;      // the card names its CRL and OCSP
});
builder.WebHost.ConfigureKestrel(k => k.ConfigureHttpsDefaults(h => {
    h.SslProtocols = SslProtocols.Tls12;               // a CPS3 cannot do TLS 1.3
    h.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
    h.AllowAnyClientCertificate();                     // the chain is judged above, against these authorities
}));
// A CPS has a multi-valued RDN (GN + CN + SN): read Certificate.SubjectName.RawData with AsnReader;
// EnumerateRelativeDistinguishedNames().GetSingleElementType() throws on it.
