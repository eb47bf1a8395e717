using System.Net;
using System.Security.Authentication;
using System.Security.Claims;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Authentication.Certificate;
using Microsoft.AspNetCore.Server.Kestrel.Https;

var authorities = new X509Certificate2Collection();
authorities.ImportFromPemFile("igc-authorities.pem");

var builder = WebApplication.CreateBuilder(args);
builder.Services.AddAuthentication(CertificateAuthenticationDefaults.AuthenticationScheme).AddCertificate(o =>
{
    o.AllowedCertificateTypes = CertificateTypes.Chained;
    o.ChainTrustValidationMode = X509ChainTrustMode.CustomRootTrust;
    o.CustomTrustStore = authorities;                // the root
    o.AdditionalChainCertificates = authorities;     // the issuing authority: browsers send the card alone (.NET 8 and later)
    o.RevocationMode = X509RevocationMode.Online;    // the card names its CRL and OCSP
    o.RevocationFlag = X509RevocationFlag.ExcludeRoot;
    o.ValidateCertificateUse = true;                 // clientAuth
    o.ValidateValidityPeriod = true;
});
builder.Services.AddAuthorization();
builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Any, 443, listen => listen.UseHttps(h =>
{
    h.ServerCertificate = X509Certificate2.CreateFromPemFile("server.pem", "server.key");
    h.SslProtocols = SslProtocols.Tls12;             // a CPS3 cannot do TLS 1.3
    h.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
    h.AllowAnyClientCertificate();                   // the certificate is checked above, against these authorities
})));

var app = builder.Build();
app.UseAuthentication();                             // without these two lines nothing is checked at all
app.UseAuthorization();
app.MapGet("/", (HttpContext c) => c.User.FindFirstValue(ClaimTypes.Name)).RequireAuthorization();
app.Run();
// A CPS has a multi-valued RDN (GN + CN + SN): read Certificate.SubjectName.RawData with AsnReader;
// EnumerateRelativeDistinguishedNames().GetSingleElementType() throws on it.
