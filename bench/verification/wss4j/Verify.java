import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.List;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.apache.wss4j.common.crypto.Merlin;
import org.apache.wss4j.dom.WSConstants;
import org.apache.wss4j.dom.WSDataRef;
import org.apache.wss4j.dom.engine.WSSConfig;
import org.apache.wss4j.dom.engine.WSSecurityEngine;
import org.apache.wss4j.dom.engine.WSSecurityEngineResult;
import org.apache.wss4j.dom.handler.RequestData;
import org.apache.wss4j.dom.handler.WSHandlerResult;
import org.w3c.dom.Document;
import org.w3c.dom.Node;

/**
 * Verifies one message as often as it is told: `java Verify.java CERTIFICATE`, then on standard input `load FILE` and
 * `run TIMES`, each answered by `done` or by `failed` with a reason.
 *
 * Parser, engine and trust are made once; a verification is a parse, the whole Security header, and the check that a
 * good signature covers the Body and the Timestamp.
 */
class Verify {
    private final DocumentBuilder builder;
    private final WSSecurityEngine engine = new WSSecurityEngine();
    private final WSSConfig config = WSSConfig.getNewInstance();
    private final Merlin crypto = new Merlin();
    private byte[] message;

    Verify(String certificate) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        builder = factory.newDocumentBuilder();
        KeyStore trust = KeyStore.getInstance("PKCS12");
        trust.load(null, null);
        try (FileInputStream in = new FileInputStream(certificate)) {
            Certificate trusted = CertificateFactory.getInstance("X.509").generateCertificate(in);
            trust.setCertificateEntry("signer", trusted);
        }
        crypto.setTrustStore(trust);
        engine.setWssConfig(config);
    }

    public static void main(String[] arguments) throws Exception {
        WSSConfig.init();
        Verify verify = new Verify(arguments[0]);
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            String[] words = line.split(" ", 2);
            String answer = "done";
            try {
                if (words[0].equals("load")) {
                    verify.message = Files.readAllBytes(Path.of(words[1]));
                } else {
                    for (int left = Integer.parseInt(words[1]); left > 0; left--) {
                        verify.once();
                    }
                }
            } catch (Exception error) {
                answer = "failed " + String.valueOf(error).replace('\n', ' ');
            }
            System.out.println(answer);
            System.out.flush();
        }
    }

    private void once() throws Exception {
        builder.reset();
        Document document = builder.parse(new ByteArrayInputStream(message));
        RequestData data = new RequestData();
        data.setWssConfig(config);
        data.setSigVerCrypto(crypto);
        // The default is five minutes after Created; a benchmark may take longer.
        data.setTimeStampTTL(3600);
        WSHandlerResult found = engine.processSecurityHeader(document, data);
        List<WSSecurityEngineResult> signatures = found.getActionResults().get(WSConstants.SIGN);
        List<WSSecurityEngineResult> timestamps = found.getActionResults().get(WSConstants.TS);
        if (signatures == null || signatures.size() != 1 || timestamps == null || timestamps.size() != 1) {
            throw new IllegalStateException("not one signature and one Timestamp");
        }
        boolean body = false;
        boolean timestamp = false;
        for (Object reference : (List<?>) signatures.get(0).get(WSSecurityEngineResult.TAG_DATA_REF_URIS)) {
            Node covered = ((WSDataRef) reference).getProtectedElement();
            body |= covered == document.getDocumentElement().getLastChild();
            timestamp |= "Timestamp".equals(covered.getLocalName());
        }
        if (!body || !timestamp) {
            throw new IllegalStateException("Body or Timestamp not covered");
        }
    }
}
