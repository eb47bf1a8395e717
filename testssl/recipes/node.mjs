import { readFileSync } from "node:fs";
import { createServer } from "node:https";

const blocks = (file) => readFileSync(file, "utf8").match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g);

createServer({
  cert: readFileSync("server.pem"),
  key: readFileSync("server.key"),
  ca: blocks("igc-authorities.pem"),
  crl: blocks("igc-crls.pem"), // each CRL apart: of a text with several, Node reads the first
  requestCert: true,
  rejectUnauthorized: true,
  maxVersion: "TLSv1.2", // a CPS3 cannot do TLS 1.3
}, (request, response) => {
  const card = request.socket.getPeerCertificate();
  response.end(`${card.subject.CN} ${card.serialNumber}\n`);
}).listen(443);
