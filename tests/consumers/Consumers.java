import jakarta.jws.WebMethod;
import jakarta.jws.WebParam;
import jakarta.jws.WebResult;
import jakarta.jws.WebService;
import jakarta.jws.soap.SOAPBinding.ParameterStyle;
import jakarta.xml.soap.MessageFactory;
import jakarta.xml.soap.SOAPBody;
import jakarta.xml.soap.SOAPConnection;
import jakarta.xml.soap.SOAPConnectionFactory;
import jakarta.xml.soap.SOAPConstants;
import jakarta.xml.soap.SOAPMessage;
import jakarta.xml.ws.BindingProvider;
import jakarta.xml.ws.Dispatch;
import jakarta.xml.ws.Service;
import jakarta.xml.ws.soap.SOAPBinding;
import jakarta.xml.ws.soap.SOAPFaultException;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.StringReader;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import javax.xml.namespace.QName;
import javax.xml.transform.Source;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMResult;
import javax.xml.transform.stream.StreamSource;
import org.apache.cxf.endpoint.Client;
import org.apache.cxf.frontend.ClientProxy;
import org.apache.cxf.jaxws.JaxWsProxyFactoryBean;
import org.apache.cxf.transport.common.gzip.GZIPInInterceptor;
import org.w3c.dom.Document;
import org.w3c.dom.Node;

/** SOAP clients on standard input: a line names one, the SOAP version and a URL; a line of JSON says what it read. */
public final class Consumers {
    private static final String ORDERS = "urn:orders";
    private static final QName SERVICE = new QName(ORDERS, "Orders");
    private static final QName PORT = new QName(ORDERS, "OrdersPort");

    /** The partner's service, as a tool would make it from its WSDL. */
    @WebService(name = "Orders", targetNamespace = ORDERS)
    @jakarta.jws.soap.SOAPBinding(parameterStyle = ParameterStyle.BARE)
    public interface Orders {
        @WebMethod
        @WebResult(name = "Order", targetNamespace = ORDERS)
        String getOrder(@WebParam(name = "GetOrder", targetNamespace = ORDERS) String number);
    }

    private interface Consumer {
        /** Asks for an order; the text of the first element in the Body of the answer. */
        String read(String url) throws Exception;
    }

    private static final class Refused extends Exception {
        Refused(String reason) {
            super(reason);
        }
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Map<String, Consumer> consumers = new HashMap<>();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            String found;
            try {
                String name = words[0] + " " + words[1];
                if (!consumers.containsKey(name)) {
                    consumers.put(name, consumer(words[0], words[1].equals("1.2")));
                }
                found = json("text", consumers.get(name).read(words[2]));
            } catch (SOAPFaultException fault) {
                found = json("fault", fault.getFault().getFaultString());
            } catch (Refused refused) {
                found = json("fault", refused.getMessage());
            } catch (Exception | LinkageError error) {
                found = json("error", chain(error));
            }
            out.println(found);
        }
    }

    private static Consumer consumer(String kind, boolean is12) throws Exception {
        return switch (kind) {
            case "cxf-proxy" -> proxy(is12);
            case "cxf-dispatch" -> dispatch(is12);
            case "saaj" -> saaj(is12);
            default -> throw new IllegalArgumentException(kind);
        };
    }

    private static Consumer proxy(boolean is12) {
        JaxWsProxyFactoryBean factory = new JaxWsProxyFactoryBean();
        factory.setServiceClass(Orders.class);
        factory.setBindingId(binding(is12));
        factory.setAddress("http://127.0.0.1:9/");
        Orders orders = (Orders) factory.create();
        Client client = ClientProxy.getClient(orders);
        client.getInInterceptors().add(new GZIPInInterceptor());
        return url -> {
            address((BindingProvider) orders, url);
            return orders.getOrder("1");
        };
    }

    private static Consumer dispatch(boolean is12) {
        Service service = Service.create(SERVICE);
        service.addPort(PORT, binding(is12), "http://127.0.0.1:9/");
        Dispatch<Source> orders = service.createDispatch(PORT, Source.class, Service.Mode.PAYLOAD);
        return url -> {
            address(orders, url);
            String request = "<GetOrder xmlns='" + ORDERS + "'>1</GetOrder>";
            Source answer = orders.invoke(new StreamSource(new StringReader(request)));
            DOMResult result = new DOMResult();
            TransformerFactory.newInstance().newTransformer().transform(answer, result);
            return ((Document) result.getNode()).getDocumentElement().getTextContent();
        };
    }

    private static void address(BindingProvider provider, String url) {
        provider.getRequestContext().put(BindingProvider.ENDPOINT_ADDRESS_PROPERTY, url);
    }

    private static String binding(boolean is12) {
        return is12 ? SOAPBinding.SOAP12HTTP_BINDING : SOAPBinding.SOAP11HTTP_BINDING;
    }

    private static Consumer saaj(boolean is12) throws Exception {
        MessageFactory messages = MessageFactory.newInstance(
                is12 ? SOAPConstants.SOAP_1_2_PROTOCOL : SOAPConstants.SOAP_1_1_PROTOCOL);
        SOAPConnectionFactory connections = SOAPConnectionFactory.newInstance();
        return url -> {
            SOAPMessage request = messages.createMessage();
            request.getSOAPBody().addBodyElement(new QName(ORDERS, "GetOrder")).addTextNode("1");
            SOAPConnection connection = connections.createConnection();
            try {
                SOAPBody body = connection.call(request, new URL(url)).getSOAPBody();
                if (body.hasFault()) {
                    throw new Refused(body.getFault().getFaultString());
                }
                for (Node node = body.getFirstChild(); node != null; node = node.getNextSibling()) {
                    if (node.getNodeType() == Node.ELEMENT_NODE) {
                        return node.getTextContent();
                    }
                }
                return null;
            } finally {
                connection.close();
            }
        };
    }

    private static String chain(Throwable error) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            text.append(text.length() == 0 ? "" : " <- ").append(cause);
        }
        return text.toString();
    }

    private static String json(String key, String value) {
        if (value == null) {
            return "{\"" + key + "\": null}";
        }
        StringBuilder text = new StringBuilder("{\"" + key + "\": \"");
        for (char character : value.toCharArray()) {
            if (character < ' ' || character > '~' || character == '"' || character == '\\') {
                text.append(String.format("\\u%04x", (int) character));
            } else {
                text.append(character);
            }
        }
        return text.append("\"}").toString();
    }
}
