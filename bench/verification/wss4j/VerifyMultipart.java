import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.CallbackHandler;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.apache.cxf.attachment.AttachmentDeserializer;
import org.apache.cxf.message.Attachment;
import org.apache.cxf.message.ExchangeImpl;
import org.apache.cxf.message.Message;
import org.apache.cxf.message.MessageImpl;
import org.apache.wss4j.common.crypto.Merlin;
import org.apache.wss4j.common.ext.AttachmentRequestCallback;
import org.apache.wss4j.common.ext.AttachmentResultCallback;
import org.apache.wss4j.dom.WSConstants;
import org.apache.wss4j.dom.WSDataRef;
import org.apache.wss4j.dom.engine.WSSConfig;
import org.apache.wss4j.dom.engine.WSSecurityEngine;
import org.apache.wss4j.dom.engine.WSSecurityEngineResult;
import org.apache.wss4j.dom.handler.RequestData;
import org.apache.wss4j.dom.handler.WSHandlerResult;
import org.w3c.dom.Document;

/**
 * Verifies one multipart message as often as it is told: `java VerifyMultipart.java CERTIFICATE`, then on standard
 * input `load FILE` (the body; the value of Content-Type is in FILE.type) and `run TIMES`, each answered by `done` or by
 * `failed` with a reason.
 *
 * Parser, engine and trust are made once. A verification takes the message apart as CXF does, parses its root, verifies
 * the whole Security header with xop:Include expanded, and checks that a good signature covers the Body and every
 * attachment.
 */
class VerifyMultipart {
    private final DocumentBuilder builder;
    private final WSSecurityEngine engine = new WSSecurityEngine();
    private final WSSConfig config = WSSConfig.getNewInstance();
    private final Merlin crypto = new Merlin();
    private byte[] body;
    private String contentType;

    VerifyMultipart(String certificate) throws Exception {
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
        VerifyMultipart verify = new VerifyMultipart(arguments[0]);
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            String[] words = line.split(" ", 2);
            String answer = "done";
            try {
                if (words[0].equals("load")) {
                    verify.body = Files.readAllBytes(Path.of(words[1]));
                    verify.contentType = Files.readString(Path.of(words[1] + ".type"), StandardCharsets.ISO_8859_1);
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
        Message message = new MessageImpl();
        message.setExchange(new ExchangeImpl());
        message.put(Message.CONTENT_TYPE, contentType);
        message.setContent(InputStream.class, new ByteArrayInputStream(body));
        new AttachmentDeserializer(message).initializeAttachments();
        builder.reset();
        Document document = builder.parse(message.getContent(InputStream.class));
        Attachments attachments = new Attachments(message.getAttachments());
        int parts = message.getAttachments().size();
        RequestData data = new RequestData();
        data.setWssConfig(config);
        data.setSigVerCrypto(crypto);
        data.setExpandXopInclude(true);
        data.setAttachmentCallbackHandler(attachments);
        WSHandlerResult found = engine.processSecurityHeader(document, data);
        List<WSSecurityEngineResult> signatures = found.getActionResults().get(WSConstants.SIGN);
        if (signatures == null || signatures.size() != 1) {
            throw new IllegalStateException("not one signature");
        }
        boolean covered = false;
        int signed = attachments.expanded;
        for (Object reference : (List<?>) signatures.get(0).get(WSSecurityEngineResult.TAG_DATA_REF_URIS)) {
            WSDataRef part = (WSDataRef) reference;
            if (part.isAttachment()) {
                signed++;
            } else {
                covered |= part.getProtectedElement() == document.getDocumentElement().getLastChild();
            }
        }
        if (!covered || signed != parts || parts == 0) {
            throw new IllegalStateException("Body or an attachment not covered");
        }
    }

    /** Hands out the attachments, as the handler of CXF does, and counts those that were expanded in the Body. */
    private static final class Attachments implements CallbackHandler {
        private final Collection<Attachment> left;
        private int expanded;

        Attachments(Collection<Attachment> parts) {
            left = parts;
        }

        @Override
        public void handle(Callback[] callbacks) throws IOException {
            for (Callback callback : callbacks) {
                if (callback instanceof AttachmentRequestCallback request) {
                    request.setAttachments(found(request));
                } else if (callback instanceof AttachmentResultCallback) {
                    // What a Reference covers is given back, for the application; what is expanded is not.
                    expanded--;
                }
            }
        }

        private List<org.apache.wss4j.common.ext.Attachment> found(AttachmentRequestCallback request)
                throws IOException {
            List<org.apache.wss4j.common.ext.Attachment> found = new ArrayList<>();
            for (Iterator<Attachment> parts = left.iterator(); parts.hasNext();) {
                Attachment part = parts.next();
                if (part.getId().equals(request.getAttachmentId())) {
                    org.apache.wss4j.common.ext.Attachment attachment =
                        new org.apache.wss4j.common.ext.Attachment();
                    attachment.setId(part.getId());
                    attachment.setMimeType(part.getDataHandler().getContentType());
                    attachment.setSourceStream(part.getDataHandler().getInputStream());
                    for (Iterator<String> names = part.getHeaderNames(); names.hasNext();) {
                        String name = names.next();
                        attachment.addHeader(name, part.getHeader(name));
                    }
                    found.add(attachment);
                    if (request.isRemoveAttachments()) {
                        parts.remove();
                        expanded++;
                    }
                }
            }
            return found;
        }
    }
}
