import jakarta.activation.DataHandler;
import jakarta.jws.WebMethod;
import jakarta.jws.WebParam;
import jakarta.jws.WebResult;
import jakarta.jws.WebService;
import jakarta.jws.soap.SOAPBinding.ParameterStyle;
import jakarta.xml.bind.annotation.XmlAccessType;
import jakarta.xml.bind.annotation.XmlAccessorType;
import jakarta.xml.bind.annotation.XmlElement;
import jakarta.xml.bind.annotation.XmlMimeType;
import jakarta.xml.soap.AttachmentPart;
import jakarta.xml.soap.MessageFactory;
import jakarta.xml.soap.MimeHeaders;
import jakarta.xml.soap.SOAPConnection;
import jakarta.xml.soap.SOAPConnectionFactory;
import jakarta.xml.soap.SOAPConstants;
import jakarta.xml.soap.SOAPElement;
import jakarta.xml.soap.SOAPMessage;
import jakarta.xml.ws.BindingProvider;
import jakarta.xml.ws.handler.MessageContext;
import jakarta.xml.ws.soap.SOAPBinding;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.xml.namespace.QName;
import javax.xml.stream.XMLStreamReader;
import org.apache.cxf.attachment.AttachmentDataSource;
import org.apache.cxf.attachment.AttachmentDeserializer;
import org.apache.cxf.attachment.AttachmentUtil;
import org.apache.cxf.binding.soap.SoapMessage;
import org.apache.cxf.binding.soap.interceptor.AbstractSoapInterceptor;
import org.apache.cxf.bus.managers.PhaseManagerImpl;
import org.apache.cxf.endpoint.Client;
import org.apache.cxf.frontend.ClientProxy;
import org.apache.cxf.helpers.HttpHeaderHelper;
import org.apache.cxf.interceptor.AttachmentInInterceptor;
import org.apache.cxf.interceptor.Fault;
import org.apache.cxf.interceptor.StaxInInterceptor;
import org.apache.cxf.jaxws.JaxWsProxyFactoryBean;
import org.apache.cxf.message.Attachment;
import org.apache.cxf.message.ExchangeImpl;
import org.apache.cxf.message.Message;
import org.apache.cxf.message.MessageImpl;
import org.apache.cxf.phase.Phase;
import org.apache.cxf.phase.PhaseInterceptorChain;
import org.apache.cxf.staxutils.StaxUtils;
import org.apache.cxf.transport.common.gzip.GZIPInInterceptor;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/**
 * Readers of multipart messages.
 *
 * `read LISTING`: a line of the listing is the value of Content-Type in base64, a tab and the file of a body; for each,
 * a line of JSON says what Apache CXF made of it, and one what SAAJ made of it. `ask`: a line on standard input names a
 * client (`cxf` or `saaj`), the SOAP version and a URL; a line of JSON says what it got.
 */
public final class Multipart {
    private static final String ORDERS = "urn:example:orders";
    private static final String XOP = "http://www.w3.org/2004/08/xop/include";
    private static final String SECURITY =
        "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    private static final int MOST_SECONDS = 20;
    private static final int MOST_TEXT = 300;
    /** Octets up to which CXF holds a part in memory: a part in a file it deletes once it has been read. */
    private static final String IN_MEMORY = "100000000";

    /** The content of a response. */
    @XmlAccessorType(XmlAccessType.FIELD)
    public static class Order {
        @XmlElement(namespace = ORDERS)
        public String id;
        @XmlElement(namespace = ORDERS)
        public String amount;
        @XmlElement(namespace = ORDERS)
        public String account;
        @XmlElement(namespace = ORDERS)
        @XmlMimeType("application/octet-stream")
        public List<DataHandler> document = new ArrayList<>();
        @XmlElement(namespace = ORDERS)
        public List<byte[]> octets = new ArrayList<>();
    }

    /** The partner's service, as a tool would make it from documents.wsdl. */
    @WebService(name = "Orders", targetNamespace = ORDERS)
    @jakarta.jws.soap.SOAPBinding(parameterStyle = ParameterStyle.BARE)
    public interface Orders {
        @WebMethod
        @WebResult(name = "getOrderResponse", targetNamespace = ORDERS)
        Order getOrder(@WebParam(name = "getOrder", targetNamespace = ORDERS) String number);
    }

    private interface Reader {
        Json read(String contentType, byte[] body) throws Exception;
    }

    private interface Includes {
        /** The octets of what `include` names. */
        byte[] of(Element include) throws Exception;
    }

    private static final class Refused extends Exception {
        Refused(String reason) {
            super(reason);
        }
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err);
        java.util.logging.LogManager.getLogManager().reset();
        if (arguments[0].equals("read")) {
            read(Path.of(arguments[1]), out);
        } else {
            ask(out);
        }
        System.exit(0); // whatever still hangs
    }

    private static void read(Path listing, PrintStream out) throws Exception {
        ExecutorService worker = Executors.newCachedThreadPool();
        Map<String, Reader> readers = Map.of("cxf", Multipart::readByCxf, "saaj", Multipart::readBySaaj);
        for (String line : Files.readAllLines(listing)) {
            String[] words = line.split("\t");
            String contentType = new String(Base64.getDecoder().decode(words[0]), StandardCharsets.ISO_8859_1);
            byte[] body = Files.readAllBytes(Path.of(words[1]));
            for (String name : List.of("cxf", "saaj")) {
                Future<Json> found = worker.submit(() -> readers.get(name).read(contentType, body));
                Json json;
                try {
                    json = found.get(MOST_SECONDS, TimeUnit.SECONDS);
                } catch (ExecutionException error) {
                    json = new Json().put("refused", chain(error.getCause()));
                } catch (TimeoutException late) {
                    found.cancel(true);
                    json = new Json().put("refused", "no end after " + MOST_SECONDS + " seconds");
                }
                out.println(json.put("file", words[1]).put("reader", name));
            }
        }
    }

    private static Json readByCxf(String contentType, byte[] body) throws Exception {
        Message message = new SoapMessage(new MessageImpl());
        message.setExchange(new ExchangeImpl());
        message.setInterceptorChain(new PhaseInterceptorChain(new PhaseManagerImpl().getInPhases()));
        message.put(Message.CONTENT_TYPE, contentType);
        message.put(AttachmentDeserializer.ATTACHMENT_MEMORY_THRESHOLD, IN_MEMORY);
        // As its HTTP conduit does.
        message.put(Message.ENCODING, HttpHeaderHelper.mapCharset(HttpHeaderHelper.findCharset(contentType)));
        message.setContent(InputStream.class, new ByteArrayInputStream(body));
        new AttachmentInInterceptor().handleMessage(message);
        new StaxInInterceptor().handleMessage(message);
        XMLStreamReader reader = message.getContent(XMLStreamReader.class);
        Element envelope = StaxUtils.read(reader).getDocumentElement();
        Json found = new Json();
        StringBuilder attachments = new StringBuilder();
        if (message.getAttachments() != null) {
            for (Attachment attachment : message.getAttachments()) {
                keep(attachment, message);
                try (InputStream content = attachment.getDataHandler().getInputStream()) {
                    append(attachments, attachment(attachment.getId(), content.readAllBytes()));
                }
            }
        }
        body(envelope, found, include -> {
            String href = include.getAttribute("href");
            if (!href.startsWith("cid:")) {
                throw new Refused("an xop:Include of " + href); // CXF would fetch a URL
            }
            try (InputStream content = AttachmentUtil.getAttachmentDataSource(href, message.getAttachments())
                    .getInputStream()) {
                return content.readAllBytes();
            }
        });
        return found.raw("attachments", "[" + attachments + "]");
    }

    /** Lets an attachment be read more than once; by itself CXF streams it to whoever comes first. */
    private static void keep(Attachment attachment, Message message) throws IOException {
        if (attachment.getDataHandler().getDataSource() instanceof AttachmentDataSource source) {
            source.cache(message);
        }
    }

    private static Json readBySaaj(String contentType, byte[] body) throws Exception {
        MimeHeaders headers = new MimeHeaders();
        headers.addHeader("Content-Type", contentType);
        SOAPMessage message = MessageFactory.newInstance(SOAPConstants.DYNAMIC_SOAP_PROTOCOL)
            .createMessage(headers, new ByteArrayInputStream(body));
        return ofSaaj(message);
    }

    private static Json ofSaaj(SOAPMessage message) throws Exception {
        Json found = new Json();
        StringBuilder attachments = new StringBuilder();
        for (Iterator<AttachmentPart> parts = message.getAttachments(); parts.hasNext();) {
            AttachmentPart part = parts.next();
            append(attachments, attachment(withoutBrackets(part.getContentId()), part.getRawContentBytes()));
        }
        body(message.getSOAPPart().getEnvelope(), found, include -> {
            AttachmentPart part = message.getAttachment((SOAPElement) include);
            if (part == null) {
                // SAAJ compares without decoding the URL; what is built on it (JAX-WS, Spring-WS) decodes first.
                String id = java.net.URLDecoder.decode(
                    include.getAttribute("href").replaceFirst("^cid:", "").replace("+", "%2B"), StandardCharsets.UTF_8);
                MimeHeaders wanted = new MimeHeaders();
                wanted.addHeader("Content-ID", "<" + id + ">");
                Iterator<AttachmentPart> parts = message.getAttachments(wanted);
                if (!parts.hasNext()) {
                    throw new Refused("no part for " + include.getAttribute("href"));
                }
                part = parts.next();
            }
            return part.getRawContentBytes();
        });
        return found.raw("attachments", "[" + attachments + "]");
    }

    /** The text of the Body, with base64 in the place of every xop:Include, and each element that holds one. */
    private static void body(Element envelope, Json found, Includes includes) throws Exception {
        Element body = null;
        for (Node node = envelope.getFirstChild(); node != null; node = node.getNextSibling()) {
            if ("Body".equals(node.getLocalName()) && envelope.getNamespaceURI().equals(node.getNamespaceURI())) {
                body = (Element) node;
                break;
            }
        }
        if (!"Envelope".equals(envelope.getLocalName()) || body == null) {
            throw new Refused("no Body");
        }
        StringBuilder text = new StringBuilder();
        StringBuilder included = new StringBuilder();
        text(body, text, included, includes);
        found.put("body_sha256", digest(text.toString().getBytes(StandardCharsets.UTF_8)));
        found.put("body", text.length() > MOST_TEXT ? text.substring(0, MOST_TEXT) : text.toString());
        found.raw("included", "[" + included + "]");
    }

    private static void text(Node node, StringBuilder text, StringBuilder included, Includes includes)
            throws Exception {
        for (Node child = node.getFirstChild(); child != null; child = child.getNextSibling()) {
            if (child.getNodeType() == Node.TEXT_NODE || child.getNodeType() == Node.CDATA_SECTION_NODE) {
                text.append(child.getNodeValue());
            } else if (child.getNodeType() == Node.ELEMENT_NODE) {
                if (XOP.equals(child.getNamespaceURI()) && "Include".equals(child.getLocalName())) {
                    byte[] octets = includes.of((Element) child);
                    text.append(Base64.getEncoder().encodeToString(octets));
                    String href = ((Element) child).getAttribute("href");
                    append(included, new Json().put("href", href).put("sha256", digest(octets)));
                } else {
                    text(child, text, included, includes);
                }
            }
        }
    }

    private static Json attachment(String id, byte[] octets) throws Exception {
        return new Json().put("content_id", id).raw("size", "" + octets.length).put("sha256", digest(octets));
    }

    private static String withoutBrackets(String id) {
        return id == null ? null : id.replaceAll("^<|>$", "");
    }

    private static String digest(byte[] octets) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(octets));
    }

    private static void append(StringBuilder list, Object found) {
        list.append(list.length() == 0 ? "" : ", ").append(found);
    }

    private static void ask(PrintStream out) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Map<String, Orders> proxies = new HashMap<>();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            boolean is12 = words[1].equals("1.2");
            Json found;
            try {
                found = words[0].equals("cxf")
                    ? askByCxf(proxies.computeIfAbsent(words[1], version -> proxy(is12)), words[2])
                    : askBySaaj(is12, words[2]);
            } catch (Exception | LinkageError error) {
                found = new Json().put("refused", chain(error));
            }
            out.println(found.put("reader", words[0]));
        }
    }

    private static Orders proxy(boolean is12) {
        JaxWsProxyFactoryBean factory = new JaxWsProxyFactoryBean();
        factory.setServiceClass(Orders.class);
        factory.setBindingId(is12 ? SOAPBinding.SOAP12HTTP_BINDING : SOAPBinding.SOAP11HTTP_BINDING);
        factory.setAddress("http://127.0.0.1:9/");
        factory.setProperties(new HashMap<>(Map.of(
            "mtom-enabled", "true", AttachmentDeserializer.ATTACHMENT_MEMORY_THRESHOLD, IN_MEMORY)));
        Orders orders = (Orders) factory.create();
        Client client = ClientProxy.getClient(orders);
        client.getInInterceptors().add(new GZIPInInterceptor());
        client.getInInterceptors().add(new Understood());
        return orders;
    }

    /** What a signer marks with mustUnderstand is understood, though it is the gateway that verifies. */
    private static final class Understood extends AbstractSoapInterceptor {
        Understood() {
            super(Phase.PRE_PROTOCOL);
        }

        @Override
        public Set<QName> getUnderstoodHeaders() {
            return Set.of(new QName(SECURITY, "Security"));
        }

        @Override
        public void handleMessage(SoapMessage message) throws Fault {
            // Nothing of the header is needed. The attachments are: as parts, and as what the Body includes.
            if (message.getAttachments() != null) {
                try {
                    for (Attachment attachment : message.getAttachments()) {
                        keep(attachment, message);
                    }
                } catch (IOException error) {
                    throw new Fault(error);
                }
            }
        }
    }

    private static Json askByCxf(Orders orders, String url) throws Exception {
        BindingProvider provider = (BindingProvider) orders;
        provider.getRequestContext().put(BindingProvider.ENDPOINT_ADDRESS_PROPERTY, url);
        Order order = orders.getOrder("1");
        Map<?, ?> handlers =
            (Map<?, ?>) provider.getResponseContext().get(MessageContext.INBOUND_MESSAGE_ATTACHMENTS);
        StringBuilder attachments = new StringBuilder();
        if (handlers != null) {
            for (Map.Entry<?, ?> entry : handlers.entrySet()) {
                try (InputStream content = ((DataHandler) entry.getValue()).getInputStream()) {
                    append(attachments, attachment((String) entry.getKey(), content.readAllBytes()));
                }
            }
        }
        StringBuilder documents = new StringBuilder();
        for (DataHandler document : order.document) {
            try (InputStream content = document.getInputStream()) {
                append(documents, '"' + digest(content.readAllBytes()) + '"');
            }
        }
        for (byte[] octets : order.octets) {
            append(documents, '"' + digest(octets) + '"');
        }
        return new Json().put("account", order.account).raw("documents", "[" + documents + "]")
            .raw("attachments", "[" + attachments + "]");
    }

    private static Json askBySaaj(boolean is12, String url) throws Exception {
        SOAPMessage request = MessageFactory.newInstance(
            is12 ? SOAPConstants.SOAP_1_2_PROTOCOL : SOAPConstants.SOAP_1_1_PROTOCOL).createMessage();
        request.getSOAPBody().addBodyElement(new QName(ORDERS, "getOrder")).addTextNode("1");
        SOAPConnection connection = SOAPConnectionFactory.newInstance().createConnection();
        try {
            SOAPMessage response = connection.call(request, new URL(url));
            if (response.getSOAPBody().hasFault()) {
                throw new Refused(response.getSOAPBody().getFault().getFaultString());
            }
            Json found = ofSaaj(response);
            StringBuilder documents = new StringBuilder();
            for (String name : List.of("document", "octets")) {
                for (Element element : elements(response.getSOAPBody(), name)) {
                    append(documents, '"' + digest(octets(response, element)) + '"');
                }
            }
            List<Element> account = elements(response.getSOAPBody(), "account");
            return found.put("account", account.isEmpty() ? null : account.get(0).getTextContent())
                .raw("documents", "[" + documents + "]");
        } finally {
            connection.close();
        }
    }

    private static byte[] octets(SOAPMessage message, Element element) throws Exception {
        StringBuilder text = new StringBuilder();
        text(element, text, new StringBuilder(), include -> {
            String id = java.net.URLDecoder.decode(
                include.getAttribute("href").replaceFirst("^cid:", "").replace("+", "%2B"), StandardCharsets.UTF_8);
            MimeHeaders wanted = new MimeHeaders();
            wanted.addHeader("Content-ID", "<" + id + ">");
            return message.getAttachments(wanted).next().getRawContentBytes();
        });
        return Base64.getMimeDecoder().decode(text.toString());
    }

    private static List<Element> elements(Element body, String name) {
        List<Element> found = new ArrayList<>();
        for (int number = 0; number < body.getElementsByTagNameNS(ORDERS, name).getLength(); number++) {
            found.add((Element) body.getElementsByTagNameNS(ORDERS, name).item(number));
        }
        return found;
    }

    private static String chain(Throwable error) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            text.append(text.length() == 0 ? "" : " <- ").append(cause);
        }
        return text.toString();
    }

    /** An object of JSON. */
    private static final class Json {
        private final StringBuilder members = new StringBuilder();

        Json put(String key, String value) {
            return raw(key, value == null ? "null" : quoted(value));
        }

        Json raw(String key, String value) {
            append(members, quoted(key) + ": " + value);
            return this;
        }

        private static String quoted(String value) {
            StringBuilder text = new StringBuilder("\"");
            for (char character : value.toCharArray()) {
                if (character < ' ' || character > '~' || character == '"' || character == '\\') {
                    text.append(String.format("\\u%04x", (int) character));
                } else {
                    text.append(character);
                }
            }
            return text.append('"').toString();
        }

        @Override
        public String toString() {
            return "{" + members + "}";
        }
    }
}
